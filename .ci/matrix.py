"""Installs lamella in every way that can be had here, and uses it.

    python3 .ci/matrix.py                              # python3.11, python3.12, ... on PATH
    python3 .ci/matrix.py ~/python3.13/bin/python3     # these interpreters only
    python3 .ci/matrix.py --jobs 2 --tests none        # two at a time, and without the tests
    python3 .ci/matrix.py --bounds                     # lower bounds only

For every Python: oldest and newest numpy, from the wheel and from the sdist, each in an environment
of its own; for the oldest Python also everything at the lower bounds of pyproject.toml. lamella
alone, without extras, has to import, tell about itself, train, evaluate and verify; then come the
extras and the tests. Every warning is an error. The tests are those of the sdist, in a folder
without lamella's modules, so that only the installed package can be what they test.

Needs pip's index. With --jobs, and on a busy machine, set OPENBLAS_NUM_THREADS=1. The status is 0
if nothing failed; a table of all combinations comes last.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OLDEST = PROJECT["requires-python"].removeprefix(">=")
RELEASED = [f"python3.{minor}" for minor in range(11, 15)]
PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"
PIP = ("-m", "pip", "--disable-pip-version-check")

# A twentieth of the tests, which takes three quarters of the time.
TESTS = {"short": ["-m", "not slow and not gpu"], "all": []}


class Failed(Exception):
    """A command ended with another status than 0; holds what it printed."""


@dataclass
class Combination:
    """One way to install lamella, and what became of it."""

    python: str
    version: str
    source: str = ""
    extras: str = "test"
    hold: dict[str, str] = field(default_factory=dict)
    numpy: str = "newest"
    result: str = ""
    remark: str = ""

    def __str__(self) -> str:
        cells = self.version, self.numpy, self.source, self.extras, self.result, self.remark
        return f"| {' | '.join(cells)} |"


def call(*command: object, folder: Path | None = None, warnings: str = "") -> str:
    """Run a command, away from its caller's settings of Python; return what it printed."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "PIP_CONSTRAINT", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    if warnings:  # this way processes that the command starts inherit it
        environment["PYTHONWARNINGS"] = warnings
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise Failed(f"$ {' '.join(words)}\n{done.stdout}status {done.returncode}")
    return done.stdout


def version_of(python: str) -> str:
    """Return an interpreter's version, or nothing where it cannot make environments."""
    ask = "import ensurepip, platform, venv; print(platform.python_version())"
    try:
        return call(python, "-c", ask).strip()
    except (OSError, Failed):
        return ""


def on_path(name: str) -> str:
    """Return the first interpreter of that name on PATH that works, or nothing."""
    paths = (shutil.which(name, path=folder) for folder in os.get_exec_path())
    return next((path for path in paths if path and version_of(path)), "")


def lower_bounds(*extras: str) -> dict[str, str]:
    """Return the oldest version of everything that lamella needs with these extras, by name."""
    optional = PROJECT["optional-dependencies"]
    bounds = {}
    for requirement in sum((optional[name] for name in extras), PROJECT["dependencies"]):
        if further := re.fullmatch(r"lamella\[(.+)\]", requirement):
            bounds |= lower_bounds(*further[1].split(","))
        elif bound := re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement):
            bounds[bound[1]] = bound[2]
    return bounds


def oldest_numpy(python: str, folder: Path) -> str:
    """Return the oldest numpy that lamella takes and that has a wheel for this interpreter."""
    major, first = map(int, lower_bounds()["numpy"].split("."))
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder)
    for version in (f"{major}.{minor}" for minor in range(first, first + 10)):
        try:
            call(python, *PIP, "download", *options, f"numpy=={version}")
        except Failed:
            continue
        return version
    raise Failed(f"pip finds no wheel of numpy for {python}")


def build(folder: Path) -> dict[str, Path]:
    """Make the sdist and, out of it, the wheel; unpack the sdist, without its modules."""
    call(sys.executable, "-m", "venv", folder / "builder")
    python = folder / "builder" / PROGRAMS / "python"
    call(python, *PIP, "install", "build")
    call(python, "-m", "build", "--outdir", folder / "dist", ROOT)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    checkout = folder / sdist.name.removesuffix(".tar.gz")
    checkout.rename(folder / "checkout")
    for file in (folder / "checkout" / "src").rglob("*.py"):
        file.unlink()
    return {"wheel": wheel, "sdist": sdist}


def combinations(pythons: list[str], bounds_only: bool, folder: Path) -> list[Combination]:
    """Return what there is to try, and what would be if it could be had, marked as skipped."""
    found, bound = [], lower_bounds()["numpy"]
    for name in pythons or (RELEASED[:1] if bounds_only else RELEASED):
        python = name if pythons else on_path(name)
        version = version_of(python) if python else ""
        if not version:
            remark = "does not run, or cannot make environments" if python else "not on PATH"
            found.append(Combination("", name, result="skipped", remark=remark))
            continue
        if version.startswith(f"{OLDEST}."):
            # matplotlib's own pyparsing must be of its time: later ones warn of names it uses.
            hold = lower_bounds("test", "fast") | {"pyparsing": "3.1"}
            one = Combination(python, version, "sdist", "test,fast", hold)
            one.remark = "everything at its lower bound"
            found.append(one)
        if bounds_only:
            continue
        oldest = oldest_numpy(python, folder)
        if oldest != bound:
            one = Combination(python, version, numpy=bound, result="skipped")
            one.remark = f"has no wheel for this Python; {oldest} is the first that has"
            found.append(one)
        for hold in ({"numpy": oldest}, {}):
            for source in ("wheel", "sdist"):
                found.append(Combination(python, version, source, hold=hold))
    return found


def try_out(one: Combination, file: Path, checkout: Path, tests: list[str] | None) -> None:
    """Install, use and test lamella in a fresh environment; note what became of it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hold = folder / "hold.txt"
        hold.write_text("".join(f"{name}=={version}\n" for name, version in one.hold.items()))
        python = folder / "venv" / PROGRAMS / "python"
        install = (python, *PIP, "install", "--quiet", "--constraint", hold)
        try:
            call(one.python, "-m", "venv", folder / "venv")
            call(*install, file)
            one.numpy = call(python, "-c", "import numpy; print(numpy.__version__)").strip()
            use(python, folder)
            call(*install, f"{file}[{one.extras}]")
            if tests is not None:
                shutil.copytree(checkout, folder / "checkout")
                pytest = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
                said = call(*pytest, folder=folder / "checkout", warnings="error")
                one.remark += f" ({re.split(' in ', said.splitlines()[-1])[0]})"
            one.result = "passed"
        except Failed as error:
            one.result, one.remark = "failed", f"{one.remark}, see above".strip(", ")
            print(f"\n{error}\n")
    one.remark = f"{one.remark}, {time.monotonic() - began:.0f} s".strip(", ")
    print(one, flush=True)


def use(python: Path, folder: Path) -> None:
    """Do with the installed package what a user does first."""
    where = call(python, "-c", "import lamella; print(lamella.__file__)", warnings="error").strip()
    if not Path(where).resolve().is_relative_to((folder / "venv").resolve()):
        raise Failed(f"lamella was imported from {where}")
    for command in (
        "info",
        "train --epochs 1 --out run",
        "evaluate run/model.safetensors",
        "verify run",
    ):
        program = folder / "venv" / PROGRAMS / "lamella"
        call(program, *command.split(), folder=folder, warnings="error")


def main() -> int:
    """Try all combinations; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", nargs="*", help="interpreters, in place of those on PATH")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument(
        "--tests", choices=["none", *TESTS], default="short", help="short leaves out slow ones"
    )
    parser.add_argument("--bounds", action="store_true", help="only what is at its lower bound")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = build(folder)
        tried = combinations(options.python, options.bounds, folder)
        tests = TESTS.get(options.tests)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            waiting = [
                pool.submit(try_out, one, files[one.source], folder / "checkout", tests)
                for one in tried
                if not one.result
            ]
            for job in waiting:
                job.result()  # raises what went wrong here rather than in lamella
    print("\n| python | numpy | from | extras | result | |\n|---|---|---|---|---|---|")
    print(*tried, sep="\n")
    results = [one.result for one in tried]
    print(*(f"{results.count(word)} {word}" for word in ("passed", "failed", "skipped")), sep=", ")
    return int("failed" in results or "passed" not in results)


if __name__ == "__main__":
    sys.exit(main())
