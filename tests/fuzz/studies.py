"""Studies as TOML, and folders of results."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lamella.studies import Study, load_study, read_study_folder
from lamella.studies.definition import bundled
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.running.run_files import sha256, to_files
from tests.fuzz.mutate import (
    NAMES,
    NUMBERS,
    PARTS,
    WORDS,
    Rng,
    bytes_mutated,
    pick,
    to_text,
    tree_mutated,
)
from tests.studies.small import TEST, TRAIN, small_study

LINES = (
    "{word} = {value}",
    "[arms.{part}]",
    "[[arms]]",
    "[base.model]",
    'model = {{ class = "{part}", {word} = {value} }}',
    'optimizer = {{ class = "{part}", {word} = {value} }}',
    'model = {{ class = "ones", rng = 0, shape = [1000000, 10000] }}',
    "seeds = {value}",
    "epochs = {value}",
    "validation_split = {value}",
    '"{word}.{word}.0.x" = {value}',
    "{dotted} = 1",
)


@cache
def texts() -> list[bytes]:
    """Return good files: the bundled studies."""
    names = ("learning-rate", "depth", "combinations", "softmax-loss", "batch-size-sgd")
    return [bundled.text(name).encode() for name in names]


def value(rng: Rng) -> str:
    """Return a value as TOML writes it."""
    kind = int(rng.integers(9))
    if kind <= 2:
        return repr(pick(rng, NUMBERS))
    if kind == 3:
        return str(pick(rng, ("nan", "-inf", "true", "1979-05-27", "07:32:00", "[]", "{}", "''")))
    if kind == 4:
        return "[" * int(2 ** rng.uniform(0, 13)) + "1"
    if kind == 5:
        return "[" + "1," * int(2 ** rng.uniform(0, 16)) + "]"
    if kind == 6:
        depth = int(2 ** rng.uniform(0, 11))
        return "{a=" * depth + "1" + "}" * depth
    if kind == 7:
        return "9" * int(2 ** rng.uniform(0, 16))
    return json.dumps(pick(rng, NAMES + PARTS))


def make_text(rng: Rng) -> bytes:
    """Return mutated TOML."""
    content = bytes(pick(rng, texts()))
    if rng.random() < 0.3:
        return bytes_mutated(rng, content, pick(rng, texts()))
    lines = content.decode().splitlines()
    for _ in range(int(rng.integers(1, 4))):
        words = {"word": pick(rng, WORDS), "part": pick(rng, PARTS), "value": value(rng)}
        dotted = "a" + ".a" * int(2 ** rng.uniform(0, 15))
        line = pick(rng, LINES).format(**words, dotted=dotted)
        at = int(rng.integers(len(lines)))
        kind = int(rng.integers(5))
        if kind == 0:
            lines.insert(at, line)
        elif kind == 1:
            key = lines[at].partition("=")[0] or "name"
            lines[at] = f"{key}= {value(rng)}"
        elif kind == 2:
            del lines[at]
        elif kind == 3:
            lines[at:at] = [pick(rng, lines)] * int(rng.integers(1, 3))
        else:
            count = int(2 ** rng.uniform(0, 12))
            lines += [f"[arms.a{i}]\nepochs = {i + 1}" for i in range(count)]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def read_text(path: Path) -> None:
    """Read a file; the description of an accepted study must give the same study."""
    study = load_study(path)
    assert len(study.experiments) == len(study.arms)
    again = Study(study.name, base=study.base, arms=study.arms, seeds=study.seeds)
    assert again.experiments == study.experiments


@cache
def results() -> dict[str, bytes]:
    """Return the files of a small study of which one run is done."""
    from lamella.studies.running.run import train_run
    from lamella.studies.running.runner import plan
    from lamella.studies.running.storage import StudyFolder

    study = small_study()
    tasks = plan(study, {"train": "a", "test": "b"})
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(place)
        folder.claim(study, tasks, {"train": "a", "test": "b"})
        task = tasks[0]
        folder.write(*train_run(task, study.experiments[task.arm], *TRAIN, *TEST))
        paths = [path for path in sorted(Path(place).rglob("*")) if path.is_file()]
        return {str(path.relative_to(place)): path.read_bytes() for path in paths}


def make_results(rng: Rng) -> bytes:
    """Return a folder of results, packed as JSON, of which one file is mutated."""
    files = dict(results())
    name = pick(rng, list(files))
    content = files[name]
    if name.endswith(".json") and rng.random() < 0.8:
        files[name] = to_text(rng, tree_mutated(rng, json.loads(content))).encode(
            "utf-8", "surrogatepass"
        )
    elif name.endswith(".npy") and rng.random() < 0.4:
        shape = pick(rng, ("(10000000000,)", "(-1,)", "(2, 2, 2)", "()", "(9" * 20 + ",)"))
        files[name] = npy(pick(rng, ("<f4", "|u1", "|O", "<f8", "S9", "V3")), shape)
    else:
        files[name] = bytes_mutated(rng, content, pick(rng, list(files.values())))
    if rng.random() < 0.8:
        _sign(files)
    return json.dumps({name: content.hex() for name, content in files.items()}).encode()


def npy(kind: str, shape: str) -> bytes:
    """Return a numpy file with any header."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    head = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(40)


def _sign(files: dict[str, bytes]) -> None:
    """Correct the checksums, as an attacker would."""
    from lamella.studies.running.run_files import json_bytes

    name = next(name for name in files if name.endswith("run.json"))
    try:
        table = json.loads(files[name])
        table.pop("sha256", None)
        arrays = {Path(n).name: sha256(c) for n, c in files.items() if n.endswith(".npy")}
        sums = {**arrays, "run.json": sha256(json_bytes(table))}
        files[name] = json_bytes({**table, "sha256": sums})
    except (ValueError, AttributeError, TypeError, RecursionError):
        return


def read_results(path: Path) -> None:
    """Read the folder and make its tables; all of it was written before."""
    from lamella.studies.results import Results

    study, runs = read_study_folder(path)
    assert isinstance(study, StudyDefinition)
    for run in runs:
        assert to_files(run)["run.json"]
        assert all(isinstance(array, np.ndarray) for array in _arrays(run))
    results = Results(study, runs)
    assert isinstance(results.table(), object)
    assert results.missing is not None


def _arrays(run: Any) -> list[Any]:
    return [run.step_losses, run.predictions, run.confidence]
