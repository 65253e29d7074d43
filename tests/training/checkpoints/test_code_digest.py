"""Digests of code: the same for the same meaning, in every process, and others for others."""

import json
from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from lamella.training.checkpoints.code_digest import (
    PYTHON,
    changed_code,
    code_digests,
    unseen_values,
)
from tests.subprocesses import run_python
from tests.training.checkpoints.interrupting import BATCHES, FIT, finished, interrupted

BEFORE = """
FACTOR = 3

def helper(x):
    return x * FACTOR

class Base:
    kinds = ("a", "b")
    def __init__(self, k=2):
        self.k = k
    @property
    def double(self):
        return 2 * self.k
    @staticmethod
    def rule(x):
        return x in {"red", "green", "blue"}

class Mine(Base):
    def forward(self, x):
        try:
            return helper(x) + sum(lambda_(x) for lambda_ in [lambda x: x + 1])
        except ValueError:
            return None
"""


def digests(source: str, name: str = "Mine") -> dict[str, str]:
    found: dict[str, Any] = {"__name__": "mine"}
    exec(source, found)
    return code_digests([found[name]])


def test_class_and_bases_have_a_digest_each() -> None:
    assert set(digests(BEFORE)) == {"Mine", "Base"}
    assert digests(BEFORE) == digests(BEFORE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    def forward", '    """Explained."""\n\n    # and noted\n    def forward'),
        ("        try:", '        "A docstring."\n        try:'),
        ("helper(x) + sum", "helper( x ) + \\\n   sum"),
        ("[lambda x: x + 1]", "[lambda y: y + 1]"),
        ("FACTOR = 3", "\n\n\nUNREAD = 1\nFACTOR = 3"),
    ],
)
def test_words_and_looks_do_not_count(old: str, new: str) -> None:
    assert old in BEFORE
    assert digests(BEFORE.replace(old, new)) == digests(BEFORE)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("x + 1", "x + 2", ["Mine"]),
        ("x + 1", "x - 1", ["Mine"]),
        ("except ValueError", "except TypeError", ["Mine"]),
        ("return x * FACTOR", "return x / FACTOR", ["Mine"]),
        ("FACTOR = 3", "FACTOR = 3.0", ["Mine"]),
        ("k=2", "k=3", ["Base"]),
        ('"b"', '"c"', ["Base"]),
        ("2 * self.k", "2 + self.k", ["Base"]),
        ('"red"', '"grey"', ["Base"]),
        ("    def forward", "    more = 1\n    def forward", ["Mine"]),
    ],
)
def test_changes_of_the_numbers_are_seen(old: str, new: str, names: list[str]) -> None:
    assert old in BEFORE
    assert changed_code(digests(BEFORE), digests(BEFORE.replace(old, new))) == names


def test_a_digest_is_the_same_in_every_process() -> None:
    script = f"""
import json
from lamella.training.checkpoints.code_digest import code_digests
found = {{"__name__": "mine"}}
exec({BEFORE!r}, found)
print(json.dumps(code_digests([found["Mine"]])))
"""
    for seed in ("1", "2"):
        told = run_python("-c", script, environment={"PYTHONHASHSEED": seed}).stdout
        assert json.loads(told) == digests(BEFORE)


READING = """
import functools
import numpy as np
import lamella as lm

TABLE = [1, {"a": 2.5}]
ARRAY = np.arange(3.0)
INNER = lm.Dense(4)

class Helper:
    step = 3

@functools.cache
def cached(n):
    return n + 4

part = functools.partial(cached, 5)

def outer():
    inside = [6]
    return lambda x: x + inside[0]

closed = outer()

class Mine:
    sizes = [7]
    def forward(self, x, more=[8]):
        return x + TABLE[0] + ARRAY + INNER.units + Helper().step + cached(1) + part() + closed(x)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.5", "2.6"),
        ("arange(3.0)", "arange(3.0)[::-1].copy()"),
        ("Dense(4)", "Dense(5)"),
        ("step = 3", "step = 4"),
        ("n + 4", "n + 5"),
        ("cached, 5", "cached, 6"),
        ("[6]", "[7]"),
        ("sizes = [7]", "sizes = [8]"),
        ("more=[8]", "more=[9]"),
    ],
)
def test_all_that_the_code_reads_is_seen(old: str, new: str) -> None:
    assert old in READING
    assert digests(READING) == digests(READING)
    assert digests(READING) != digests(READING.replace(old, new))


def test_functions_of_ones_own_modules_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_helpers.py").write_text("FACTOR = 2\ndef twice(x):\n    return FACTOR * x\n")
    import own_helpers  # type: ignore[import-not-found]

    at_top = "import own_helpers\ndef f(x):\n    return own_helpers.twice(x)"
    inside = "def f(x):\n    from own_helpers import twice\n    return twice(x)"
    before = [digests(source, "f") for source in (at_top, inside)]
    own_helpers.FACTOR = 3
    after = [digests(source, "f") for source in (at_top, inside)]
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_values_whose_changes_cannot_be_seen_are_named() -> None:
    found: dict[str, Any] = {"__name__": "mine"}
    exec("import numpy as np\nrng = np.random.default_rng(0)\ndef f(x):\n    return rng", found)
    assert unseen_values(found["f"]) == ["rng, of type Generator"]
    exec(BEFORE, found)
    assert unseen_values(found["Mine"]) == []


def test_bases_of_the_same_name_count() -> None:
    twice = "class Mine:\n    k = 2\nclass Mine(Mine):\n    def f(self): return self.k"
    assert digests(twice) != digests(twice.replace("k = 2", "k = 3"))


def test_numbers_around_callbacks_do_not_count() -> None:
    found = [{"__name__": "mine"}, {"__name__": "mine"}]
    for table, source in zip(
        found, (BEFORE, BEFORE.replace("FACTOR = 3", "FACTOR = 4")), strict=True
    ):
        exec(source, table)
    kinds: list[Any] = [table["Mine"] for table in found]
    assert code_digests(kinds[:1]) != code_digests(kinds[1:])
    assert code_digests(kinds[:1], numbers=False) == code_digests(kinds[1:], numbers=False)


def test_functions_have_digests_and_lamella_has_none() -> None:
    assert set(digests(BEFORE, "helper")) == {"helper"}
    assert code_digests([lm.Dense, lm.initializers.he_normal, lm.EarlyStopping]) == {}


def test_bytecode_of_another_python_is_not_compared() -> None:
    here = digests(BEFORE)
    assert changed_code(dict.fromkeys(here, "2.7 abc"), here) == []
    assert changed_code(dict.fromkeys(here, f"{PYTHON} abc"), here) == ["Mine", "Base"]
    assert changed_code({}, here) == ["Mine", "Base"]


def sources(kind: str, slope: float) -> tuple[type, str]:
    """Return a class of one's own, the same but for a number in its code, and its name."""
    texts = {
        "layer": f"""
class Own(lm.Dense):
    def forward(self, x, training):
        return super().forward(x, training) * {slope}
    def backward(self, dy):
        return super().backward(dy * {slope})
""",
        "loss": f"""
class Own(lm.SoftmaxCrossEntropy):
    def forward(self, pred, target):
        return super().forward(pred * {slope}, target)
""",
        "optimizer": f"""
class Own(lm.SGD):
    def rule(self, w, g, lr):
        return w - {slope} * lr * g
""",
        "callback": f"""
class Own(lm.Callback):
    def on_epoch_end(self, model, epoch, logs):
        model.optimizer.lr = {slope} / (epoch + 1)
""",
    }
    found: dict[str, Any] = {"lm": lm, "__name__": "mine"}
    exec(texts[kind], found)
    return found["Own"], kind


def with_own(part: type, kind: str) -> tuple[lm.Sequential, dict[str, Any]]:
    last = part(3) if kind == "layer" else lm.Dense(3)
    loss = part() if kind == "loss" else lm.SoftmaxCrossEntropy()
    optimizer = part(0.1) if kind == "optimizer" else lm.SGD(0.1)
    model = lm.Sequential([lm.Dense(8), lm.Tanh(), last], seed=1, backend="numpy")
    return model.compile(loss, optimizer), {"callbacks": [part()] if kind == "callback" else []}


@pytest.mark.parametrize("kind", ["layer", "loss", "optimizer", "callback"])
@pytest.mark.slow
def test_changed_code_of_ones_own_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    model, options = with_own(*sources(kind, 1.0))
    interrupted(model, BATCHES + 1, tmp_path, **options)
    model, options = with_own(*sources(kind, 0.5))
    with pytest.raises(UsageError, match="different: the code of Own"):
        finished(model, tmp_path, **options)
    model, options = with_own(*sources(kind, 1.0))
    assert len(finished(model, tmp_path, **options).history) == FIT["epochs"]
