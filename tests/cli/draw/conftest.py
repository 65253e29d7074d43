"""A small network, a server with it, and a browser."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.cli.draw.server import DrawServer
from lamella.cli.draw.studio import Studio

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def network(digits: tuple[lm.datasets.Samples, lm.datasets.Samples]) -> lm.Sequential:
    train, _ = digits
    model = lm.MLP([32], optimizer=lm.Adam(2e-3), seed=7, backend="numpy")
    model.fit(train.x[:6000], train.y[:6000], epochs=2, verbose=False)
    return model


@pytest.fixture
def server(network: lm.Sequential, tmp_path: Path) -> Iterator[DrawServer]:
    """A server in a thread, whose folder is ``tmp_path / "mine"``."""
    with DrawServer(0) as server:
        server.studio = Studio(network, tmp_path / "mine")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium: the program that CHROMIUM names, or one on PATH."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium on PATH or in CHROMIUM")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()
