"""lamella draw: starting, ending, and messages."""

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import lamella as lm
from tests.cli.conftest import Call
from tests.subprocesses import TIME_LIMIT


@pytest.fixture(scope="module")
def model_file(network: lm.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "small.safetensors"
    network.save(file)
    return file


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
def test_the_command_serves_until_ctrl_c(model_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    command = [sys.executable, "-m", "lamella", "draw", model_file, "--port", "0", "--out", folder]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = line.split()[0]
            assert line == f"{address} (own digits in {folder}; Ctrl-C ends it)\n"
            with urllib.request.urlopen(f"{address}model.js", timeout=TIME_LIMIT) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=TIME_LIMIT)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert not folder.exists()


def test_a_port_in_use_is_named(call: Call, model_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = call("draw", model_file, "--port", port)
    assert done.status == 2
    assert f"cannot serve on port {port} of 127.0.0.1" in done.err
    assert "--port 0" in done.err


def test_models_that_are_not_for_digits_are_refused(call: Call, tmp_path: Path) -> None:
    flat = lm.MLP([4], seed=1)
    flat.build((784,))
    flat.save(tmp_path / "flat.safetensors")
    letters = lm.MLP([4], classes=26, seed=1)
    letters.build((28, 28))
    letters.save(tmp_path / "letters.safetensors")
    plain = lm.Sequential([lm.Flatten(), lm.Dense(10)], seed=1).build((28, 28))
    plain.save(tmp_path / "plain.safetensors")
    for name, reason in {
        "flat": "(784,)",
        "letters": "10 classes",
        "plain": "not compiled",
    }.items():
        done = call("draw", tmp_path / f"{name}.safetensors", "--port", 0)
        assert done.status == 2
        assert reason in done.err


def test_the_tuned_model_of_the_folder_is_the_default(
    call: Call, network: lm.Sequential, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    network.save(tmp_path / "mine" / "model.safetensors")
    page = tmp_path / "page.html"
    done = call("draw", "--out", tmp_path / "mine", "--export", page)
    assert done == (0, f"{page}: open it in a browser\n", "")
    assert "Dense(units=32)" in page.read_text("utf-8")


def test_an_export_to_a_folder_is_refused(call: Call, model_file: Path, tmp_path: Path) -> None:
    done = call("draw", model_file, "--export", tmp_path)
    assert (done.status, "it is a folder" in done.err) == (2, True)
