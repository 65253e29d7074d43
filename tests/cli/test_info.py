"""lamella info: versions, backend, cores and threads."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import lamella as lm
from lamella.backend import get_backend
from lamella.backend import numba as compiled
from lamella.backend.threads import cores
from lamella.cli import info
from lamella.training.environment import processor
from tests.backend.cupy.graphs import graph_backend
from tests.cli.conftest import Call
from tests.subprocesses import run_python

AS_ARM = Path(__file__).parents[1] / "backend" / "numba" / "as_arm"


def rows(out: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in out.splitlines())


def test_info_lists_versions_backend_and_cores(command: Call) -> None:
    done = command("info")
    assert (done.status, done.err) == (0, "")
    told = rows(done.out)
    assert told["lamella"] == lm.__version__
    assert told["numpy"] == np.__version__
    assert told["python"] == platform.python_version()
    assert told["backend"] == repr(get_backend())
    assert told["cores"] == str(cores())
    assert told["processor"] == processor()


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("1", "replayed as CUDA graphs"),
        ("0", "in several launches (the environment variable LAMELLA_CAPTURE is 0)"),
    ],
)
def test_info_says_how_steps_are_launched_on_a_gpu(
    call: Call, monkeypatch: pytest.MonkeyPatch, capture: str, expected: str
) -> None:
    monkeypatch.setenv("LAMELLA_CAPTURE", capture)
    monkeypatch.setattr(info, "get_backend", graph_backend)
    told = rows(call("info").out)
    assert told["backend"] == "cupy (stand-in)"
    assert told["steps"] == expected


def test_info_lists_the_current_threads_of_blas(call: Call) -> None:
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if not blas:
        pytest.skip("numpy's BLAS is one that threadpoolctl does not know")
    with threadpool_limits(1, user_api="blas"):
        assert "threads: 1" in rows(call("info").out)["BLAS"]
    assert blas[0]["version"] in rows(call("info").out)["BLAS"]


def test_info_names_the_folder_of_machine_code(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert f"machine code  in {tmp_path / 'lamella'}\n" in call("info").out


def test_info_gives_the_version_of_an_optional_package(call: Call) -> None:
    pytest.importorskip("PIL")
    assert rows(call("info").out)["Pillow"] == metadata.version("pillow")


def test_info_names_the_extra_of_a_missing_package(without: Call) -> None:
    done = without("matplotlib", "info")
    assert rows(done.out)["matplotlib"] == "not installed: pip install 'lamella[plot]'"


def test_info_says_why_rules_are_not_compiled() -> None:
    pytest.importorskip("numba")
    done = run_python("-m", "lamella", "info", environment={"NUMBA_DISABLE_JIT": "1"})
    assert rows(done.stdout)["update"] == "rules  run by numpy (NUMBA_DISABLE_JIT is set)"
    assert rows(done.stdout)["products"].endswith("no steps replayed (NUMBA_DISABLE_JIT is set)")


def test_info_says_whether_products_are_compiled(call: Call) -> None:
    told = rows(call("info").out)["products"]
    if compiled.has_products():
        assert re.fullmatch(r"compiled for \S+, \d+ bits a register; steps are replayed", told)
    else:
        assert told.endswith(f"({compiled.products_problem()})")


def test_info_names_the_registers_of_arm() -> None:
    if compiled.products_problem():
        pytest.skip(compiled.products_problem())
    path = os.pathsep.join([str(AS_ARM), os.environ.get("PYTHONPATH", "")])
    done = run_python("-m", "lamella", "info", environment={"PYTHONPATH": path})
    expected = "compiled for aarch64, 128 bits a register; steps are replayed"
    assert rows(done.stdout)["products"] == expected
