"""The examples, run as a user runs them: in a process of their own, from another folder."""

import re
from pathlib import Path

import pytest

from tests.subprocesses import ROOT, run_python

pytestmark = pytest.mark.slow

FOLDER = ROOT / "examples"

# Required output: a pattern, and the smallest number for its group.
PROMISES: dict[str, dict[str, float]] = {
    "mnist_softmax": {r"test accuracy (0\.\d+)": 0.915, r"(\d+) times a \d was taken for a \d": 10},
    "mnist_mlp": {
        r"test accuracy (0\.\d+)": 0.965,
        r"weights of epoch (\d), of \d trained": 1,
        r"the loaded model predicts the same: True()": 0,
    },
    "regularization": {
        r"none +0\.\d+ +0\.\d+ +(0\.\d+)": 0.87,
        r"dropout +-(0\.\d+) \+- 0\.\d+": 0.02,
        r"L2 +-(0\.\d+) \+- 0\.\d+": 0.005,
    },
    "my_study": {
        r"plain against momentum: worse, -(\d\.\d+) points": 3,
        r"Nesterov against momentum: undecided()": 0,
    },
    "custom_layer": {r"check_layer passed()": 0, r"test accuracy (0\.\d+)": 0.96},
    "custom_optimizer": {r"check_optimizer passed()": 0, r"test accuracy (0\.\d+)": 0.95},
    "doctor": {
        r"check: unscaled inputs()": 0,
        r"dead ReLUs\n +(\d+)% of the units of layer 2 ReLU": 100,
        r"doctor: learning rate too high()": 0,
        r"memorized in (\d+) steps at learning rate 0.001": 5,
        r"\nno findings\n$()": 0,
    },
    "mnist_993": {r"test accuracy (0\.\d+)": 0.96},
    "custom_loop": {r"(\d+) steps on 64 images each": 705, r"test accuracy (0\.\d+)": 0.955},
}
ARGUMENTS = {"mnist_993": ("0", "1")}  # one epoch, not all 36


def test_every_example_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_example_prints_the_output_it_promises(name: str, tmp_path: Path) -> None:
    done = run_python(
        "-W", "error", FOLDER / f"{name}.py", *ARGUMENTS.get(name, ()), folder=tmp_path
    )
    for pattern, least in PROMISES[name].items():
        found = re.search(pattern, done.stdout)
        assert found, f"{pattern!r} is not in what {name} printed:\n{done.stdout}"
        assert float(found[1] or 0) >= least, found[0]
    assert not list(tmp_path.iterdir()), "an example left files behind"
