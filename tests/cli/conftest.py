"""Calls of the command: in a process, as users do, or in this process for many cases."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lamella.cli import main
from tests.subprocesses import run_python


class Result(NamedTuple):
    """Status and output of a command."""

    status: int
    out: str
    err: str


Call = Callable[..., Result]


@pytest.fixture(scope="session")
def command() -> Call:
    """Run ``python -m lamella ...`` in a process of its own."""

    def run(*args: object, **options: Any) -> Result:
        done = run_python("-m", "lamella", *args, status=None, **options)
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process."""

    def run(*args: object) -> Result:
        status = main([str(arg) for arg in args])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def without() -> Call:
    """Run the command in a process in which a package cannot be imported."""

    def run(package: str, *args: object) -> Result:
        code = f"import sys; sys.modules[{package!r}] = None\n"
        code += "from lamella.cli import main; sys.exit(main(sys.argv[1:]))"
        done = run_python("-c", code, *args, status=None)
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def softmax_run(command: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training of the softmax classifier; only to be read."""
    folder = tmp_path_factory.mktemp("runs") / "softmax"
    argv = ["--model", "softmax", "--epochs", 2, "--batch-size", 250, "--lr", 0.002]
    done = command("train", *argv, "--out", folder)
    assert done.status == 0, done.err
    (folder.parent / "stdout").write_text(done.out)
    (folder.parent / "stderr").write_text(done.err)
    return folder
