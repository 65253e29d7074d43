"""Short form of the fuzzer, and a test for each defect that it has found."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import lamella as lm
from lamella.core.errors import FileFormatError
from lamella.datasets import read_digit, read_idx
from lamella.studies import DamagedRunWarning, parse_study, read_study_folder
from tests.fuzz import arrays, images, models, studies
from tests.fuzz.__main__ import Tally, read_all
from tests.fuzz.worker import KINDS
from tests.subprocesses import run_python

pytestmark = pytest.mark.slow

FILES = 150  # of each kind; the long form: python -m tests.fuzz --files 100000

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


@linux
@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_give_an_error_of_lamella_or_a_right_result(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    tally = Tally(kind)
    read_all(tally, seed=1, start=0, stop=FILES)
    assert tally.problems == []
    assert sum(tally.outcomes.values()) == FILES
    assert tally.outcomes["refused"] > 0
    assert tally.outcomes["accepted"] > 0


@linux
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("open('other', 'w')", "to write"),
        ("os.system('true')", "os.system"),
        ("exec('1')", ""),
        ("bytearray(80 * 2**20).replace(b'a', b'b')", "MB for a file"),
        ("signal.alarm(1); [i for i in iter(int, 1)]", "signal 14"),
        ("signal.setitimer(signal.ITIMER_PROF, 0.5); [i for i in iter(int, 1)]", "signal 27"),
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("{}['a']", "KeyError"),
    ],
)
def test_the_fuzzer_notices(body: str, told: str, tmp_path: Path) -> None:
    """Forbidden acts of a reader are reported."""
    script = (
        "import os, signal\n"
        "from tests.fuzz import worker\n"
        f"def read(path):\n    {body}\n"
        "kind = worker.KINDS['arrays']\n"
        "bad = worker.Kind(kind.make, read, list, 32, 1)\n"
        "worker.KINDS['arrays'] = bad\n"
        "worker.main('arrays', 0, 0, 1, 1)\n"
    )
    run = run_python("-c", script, status=None)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert lines[0] == {"number": 0}
    if run.returncode < 0:
        assert told == f"signal {-run.returncode}"
    elif told:
        assert told in lines[1]["problem"]
    else:
        assert lines[1]["problem"] == ""


# Defects found by the fuzzer


def model_file(path: Path, change: Any) -> Path:
    """Write a model file of which ``change`` has altered the description."""
    content = models.samples()[0]
    table, _ = models.parts(content)
    header = json.loads(table["__metadata__"]["lamella"])
    text = change(header) or json.dumps(header)
    loaded = safetensors.numpy.load(content)
    path.write_bytes(safetensors.numpy.save(loaded, {"lamella": text}))
    return path


def first(header: dict[str, Any]) -> dict[str, Any]:
    return dict(header["model"]["config"]["layers"][1]["config"])


@pytest.mark.parametrize("name", ["ones", "zeros", "standard_normal"])
def test_a_file_cannot_call_an_initializer_with_a_shape_of_its_own(
    name: str, tmp_path: Path
) -> None:
    def change(header: dict[str, Any]) -> None:
        layers = header["model"]["config"]["layers"]
        layers[0] = {"class": name, "config": {"rng": 0, "shape": [10**6, 10**7]}}

    with pytest.raises(FileFormatError, match=f"{name} is a function"):
        lm.load(model_file(tmp_path / "m", change))


def test_a_study_cannot_call_an_initializer_with_a_shape_of_its_own() -> None:
    text = """
    name = "a"
    [base]
    model = { class = "MLP", hidden = [{ class = "ones", rng = 0, shape = [1000000, 10000000] }] }
    [arms.a]
    """
    with pytest.raises(FileFormatError, match="ones is a function"):
        parse_study(text, "a.toml")


def test_a_file_cannot_call_a_function_of_the_users_with_a_shape_of_its_own(
    tmp_path: Path,
) -> None:
    def change(header: dict[str, Any]) -> None:
        header["model"]["config"]["layers"][0] = {
            "class": "halves",
            "config": {"rng": 0, "shape": [10**6, 10**7]},
        }

    with pytest.raises(FileFormatError, match="halves is a function"):
        lm.load(model_file(tmp_path / "m", change), custom_layers=[models.halves])


def test_a_description_of_deep_tables_is_refused(tmp_path: Path) -> None:
    def change(header: dict[str, Any]) -> str:
        nested: Any = 0.1
        for _ in range(150):
            nested = {"class": "Warmup", "config": {"schedule": nested, "epochs": 1}}
        header["compiled"]["optimizer"]["config"]["lr"] = nested
        return json.dumps(header)

    with pytest.raises(FileFormatError, match="32 tables and lists deep"):
        lm.load(model_file(tmp_path / "m", change))


def test_a_short_description_of_many_layers_is_refused(tmp_path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        header["model"] = {"class": "MLP", "config": {"hidden": [1] * 3000}}

    with pytest.raises(FileFormatError, match="a model can have at most 1,000 layers"):
        lm.load(model_file(tmp_path / "m", change))


def test_a_description_of_endless_lists_is_refused(tmp_path: Path) -> None:
    path = model_file(tmp_path / "m", lambda header: header.update(more=[1] * 30_000))
    with pytest.raises(FileFormatError, match="more than 20,000 values"):
        lm.load(path)
    path = model_file(tmp_path / "m", lambda header: header.update(more=" " * 2**20))
    with pytest.raises(FileFormatError, match="longer than"):
        lm.load(path)


def test_errors_of_a_custom_class_become_errors_of_the_file(tmp_path: Path) -> None:
    layer = {"class": "Gain", "config": {"start": 0.0}}
    path = model_file(
        tmp_path / "m", lambda header: header["model"]["config"].update(layers=[layer])
    )
    with pytest.raises(FileFormatError, match="division by zero"):
        lm.load(path, custom_layers=[models.Gain])


def test_a_compressed_file_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(arrays.bombs()[0])
    with pytest.raises(FileFormatError, match=r"grows from .* if you trust it"):
        read_idx(path)


def test_a_large_array_of_zeros_is_still_read(tmp_path: Path) -> None:
    lm.datasets.write_idx(tmp_path / "zeros.gz", np.zeros((60_000, 784), np.uint8))
    np.testing.assert_array_equal(read_idx(tmp_path / "zeros.gz"), np.zeros((60_000, 784)))


@pytest.mark.parametrize("number", [0, 4])
def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded(
    number: int, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(images.bombs()[number])
    with pytest.raises(FileFormatError, match=r"bomb\.png"):
        read_digit(path)


def test_postscript_which_a_program_would_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    path.write_bytes(images.EPS)
    with pytest.raises(FileFormatError, match="none of PNG, JPEG"):
        read_digit(path)


GOOD = 'name = "a"\n[base]\nmodel = { class = "MLP" }\n[arms.a]\n'


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "x = " + "[" * 5000,
        GOOD + "x = " + "9" * 5000,
        GOOD + "a" + ".a" * 60_000 + " = 1",
        GOOD + "a" + (".a" * 99 + '."\u2028"') * 400 + " = 1",
        "seeds = 9000000000\n" + GOOD,
        GOOD + "validation_split = 1979-05-27",
        "title = 3\n" + GOOD,
        GOOD + "".join(f"[arms.b{i}]\nepochs = {i + 6}\n" for i in range(7000)),
        GOOD.replace('"MLP"', f'"MLP", hidden = {[1] * 3000}'),
    ],
    ids=["deep", "digits", "dots", "lines", "seeds", "date", "title", "arms", "layers"],
)
def test_a_study_that_asks_for_too_much_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError, match=r"a\.toml"):
        parse_study(text, "a.toml")


def results_folder(folder: Path, name: str, change: Any) -> Path:
    """Write a folder of results of which ``change`` has altered one JSON file."""
    files = dict(studies.results())
    found = next(file for file in files if file.endswith(name))
    table = json.loads(files[found])
    change(table)
    files[found] = json.dumps(table).encode()
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    return folder


@pytest.mark.parametrize("key", ["../../elsewhere", "/etc", "", "a" * 99, 3, None])
def test_the_key_of_a_run_cannot_lead_out_of_the_folder(key: Any, tmp_path: Path) -> None:
    folder = results_folder(tmp_path, "study.json", lambda table: table["runs"][0].update(key=key))
    with pytest.raises(FileFormatError, match="is not one that lamella writes"):
        read_study_folder(folder)


@pytest.mark.parametrize("name", ["arms", "seeds", "varies", "runs", "base", "name", "baseline"])
def test_an_index_with_a_part_of_another_kind_is_refused(name: str, tmp_path: Path) -> None:
    folder = results_folder(tmp_path, "study.json", lambda table: table.update({name: 3}))
    with pytest.raises(FileFormatError, match=f"study.json: {name} is not a"):
        read_study_folder(folder)


@pytest.mark.parametrize("shape", ["(10000000000,)", "(-1,)", "(9,9)", "()", "(1,"])
def test_an_array_of_a_run_that_lies_is_left_out(shape: str, tmp_path: Path) -> None:
    files = dict(studies.results())
    name = next(file for file in files if file.endswith("losses.npy"))
    files[name] = studies.npy("<f4", shape)
    studies._sign(files)
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    with pytest.warns(DamagedRunWarning, match="losses.npy"):
        assert read_study_folder(tmp_path)[1] == []


def test_a_score_that_no_float_can_hold_is_left_out(tmp_path: Path) -> None:
    files = dict(studies.results())
    name = next(file for file in files if file.endswith("run.json"))
    table = json.loads(files[name])
    table["epochs"][0]["loss"] = 10**400
    files[name] = json.dumps(table).encode()
    studies._sign(files)
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    with pytest.warns(DamagedRunWarning, match="scores that are not numbers"):
        assert read_study_folder(tmp_path)[1] == []
