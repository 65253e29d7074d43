"""docs/coming-from.md: each line of another library works or names the word, none is ignored."""

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.training.callbacks import History
from tests.data import clouds
from tests.subprocesses import ROOT

PAGE = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE)


def scene(path: Path) -> dict[str, Any]:
    """Return the names that the lines use; always with the same numbers."""
    x, y = clouds()
    layers = [lm.Dense(8, init="glorot_uniform"), lm.ReLU(), lm.Dense(int(y.max()) + 1)]
    model = lm.Sequential(layers, seed=0, backend="numpy")
    model.compile("cross-entropy", "adam", ["accuracy"], in_shape=x.shape[1:])
    model.save(path / "model.safetensors")
    return {
        **{name: getattr(lm, name) for name in lm.__all__},
        **dict.fromkeys(("lm", "keras", "nn", "neural_network", "torch"), lm),
        "x": x,
        "y": y,
        "x_val": x[:20],
        "y_val": y[:20],
        "path": path / "model.safetensors",
        "model": model,
        "layer": layers[0],
        "optimizer": model.optimizer,
        "new": lm.Sequential([lm.Dense(3)], seed=0, backend="numpy"),
        "arrays": model.state_dict(),
    }


def result(code: str, names: dict[str, Any]) -> Any:
    """Run statements and return the value of the last, if it is an expression."""
    *first, last = (ast.unparse(line) for line in ast.parse(code).body)
    exec("\n".join(first), names)
    try:
        compile(last, code, "eval")
    except SyntaxError:  # an assignment
        return exec(last, names)
    return eval(last, names)


def comparable(value: Any) -> Any:
    """Return a value without times and addresses."""
    if isinstance(value, History):
        return value["loss"]
    return value.tolist() if isinstance(value, np.ndarray) else repr(value)


@pytest.mark.parametrize(("theirs", "ours", "answer"), ROWS, ids=[row[0] for row in ROWS])
def test_a_line_works_or_its_error_names_the_word(
    theirs: str, ours: str, answer: str, tmp_path: Path
) -> None:
    mine = scene(tmp_path)
    expected = result(ours, mine)
    names = scene(tmp_path)
    if answer == "works":
        assert comparable(result(theirs, names)) == comparable(expected)
        theirs_model, our_model = names["model"], mine["model"]
        for part in ("loss", "optimizer", "metrics"):
            assert repr(getattr(theirs_model, part)) == repr(getattr(our_model, part))
        for name, array in our_model.state_dict().items():
            np.testing.assert_array_equal(theirs_model.state_dict()[name], array)
    else:
        with pytest.raises((lm.LamellaError, AttributeError, KeyError)) as error:
            result(theirs, names)
        word = answer.strip("`")
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", str(error.value)), str(error.value)


def test_the_page_counts_its_lines() -> None:
    works = sum(answer == "works" for *_, answer in ROWS)
    assert len(ROWS) >= 40
    found = re.search(r"hold (\d+) lines that people try.*? (\d+) work, (\d+) raise", PAGE, re.S)
    assert found
    assert [int(count) for count in found.groups()] == [len(ROWS), works, len(ROWS) - works]
