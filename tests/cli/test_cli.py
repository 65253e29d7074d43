"""The command as a whole: help, version, wrong arguments and closed pipes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lamella as lm
from lamella.cli import main
from tests.cli.conftest import Call
from tests.subprocesses import loaded_packages

COMMANDS = ("train", "evaluate", "predict", "study", "report", "verify", "info")


def test_help_names_every_command(command: Call) -> None:
    done = command("--help")
    assert done.status == 0
    for name in COMMANDS:
        assert f"    {name}" in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert f"usage: lamella {name}" in capsys.readouterr().out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "from lamella.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
    )
    heavy = {"matplotlib", "PIL", "cupy", "torch", "scipy", "numba"}
    assert heavy & loaded_packages(code) == set()


def test_version_is_that_of_the_package(command: Call) -> None:
    assert command("--version").out == f"lamella {lm.__version__}\n"


def test_console_script_is_the_same_command(command: Call) -> None:
    script = Path(sys.executable).with_name("lamella")
    if not script.exists():
        pytest.skip("the script is not installed beside this python")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout == command("--help").out


@pytest.mark.parametrize("argv", [[], ["study"]])
def test_a_command_alone_shows_its_help(call: Call, argv: list[str]) -> None:
    done = call(*argv)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(" ".join(["usage: lamella", *argv]))
    assert "--help" in done.out


@pytest.mark.parametrize(
    "argv", [*([name] for name in COMMANDS), ["study", "run"], ["study", "show"]]
)
def test_every_option_shows_its_default(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*argv, "--help"])
    text = capsys.readouterr().out.partition("show this help message and exit")[2]
    options = re.split(r"\n  (?=--)", text)[1:]
    required = [option for option in options if option.startswith("--model FILE")]
    assert [o for o in options if o not in required and "default:" not in " ".join(o.split())] == []


@pytest.mark.parametrize("argv", [["trian"], ["train", "--learning-rate", "1"]])
def test_wrong_arguments_are_refused_in_one_line(call: Call, argv: list[str]) -> None:
    done = call(*argv)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("lamella: ")
    assert "--help lists the options" in done.err
    assert done.err.count("\n") == 1


def test_closed_pipe_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "-m", "lamella", "info"]
    # With a buffer, which this would take away, the trouble comes only when it is emptied.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True, env=env)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
