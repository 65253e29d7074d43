"""Model files: written atomically, and refused with a clear error if anything in them is wrong."""

import json
import os
import pickle
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, FileFormatError, UsageError
from tests.data import clouds
from tests.networks import Gain, bits_of, small_classifier
from tests.subprocesses import run_python


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small model's file."""
    path = tmp_path_factory.mktemp("saved") / "m.safetensors"
    model = lm.Sequential([lm.Flatten(), lm.Dense(4), lm.BatchNorm(), lm.Dense(3)], seed=1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01), ["accuracy"], in_shape=(2, 3))
    model.save(path)
    return path.read_bytes()


def rewritten(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The same file with a changed description of the model."""
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    header = json.loads(metadata["lamella"])
    change(header)
    arrays = safetensors.numpy.load(content)
    return safetensors.numpy.save(arrays, {**metadata, "lamella": json.dumps(header)})


def test_saving_does_not_change_the_model(backend: Backend, tmp_path: Path) -> None:
    saves, not_saved = small_classifier(backend), small_classifier(backend)
    for model in (saves, not_saved):
        model.fit(*clouds(), epochs=1, verbose=False)
    saves.save(tmp_path / "m.safetensors")
    for model in (saves, not_saved):
        model.fit(*clouds(), epochs=1, verbose=False)
    assert bits_of(saves) == bits_of(not_saved)


def test_the_file_can_be_read_by_safetensors(tmp_path: Path) -> None:
    model = small_classifier()
    model.fit(*clouds(), epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_equal(
        safetensors.numpy.load_file(tmp_path / "m.safetensors"), model.state_dict()
    )


def test_a_layer_that_does_not_keep_its_arguments_cannot_be_saved(tmp_path: Path) -> None:
    class Forgetful(Gain):
        def __init__(self, scale: float = 1.0) -> None:
            super().__init__(scale)

    model = lm.Sequential([Forgetful()], seed=1).build((3,))
    with pytest.raises(UsageError, match=r"takes 'scale' but does not store it.*self.scale"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_an_option_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    model = lm.Sequential([Gain(object())], seed=1).build((3,))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="hyper-parameter of type object cannot be saved"):
        model.save(tmp_path / "m.safetensors")


def expect_refused(path: Path, content: bytes, text: str = ".") -> None:
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=text) as caught:
        lm.load(path)
    assert str(path) in str(caught.value)


def test_a_file_cut_short_anywhere_is_refused(saved: bytes, tmp_path: Path) -> None:
    for length in range(0, len(saved), 97):
        expect_refused(tmp_path / "cut.safetensors", saved[:length], "damaged")
    expect_refused(tmp_path / "cut.safetensors", saved[:-1], "damaged")


def test_a_file_with_more_than_it_should_have_is_refused(saved: bytes, tmp_path: Path) -> None:
    expect_refused(tmp_path / "long.safetensors", saved + b"\0", "damaged")


def test_a_flipped_bit_gives_a_lamella_error_or_a_model(saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.safetensors"
    header = int.from_bytes(saved[:8], "little") + 8
    refused, others = 0, set()
    for position in [*range(header), *range(header, len(saved), 17)]:
        content = bytearray(saved)
        content[position] ^= 1 << position % 8
        path.write_bytes(content)
        try:
            assert isinstance(lm.load(path), lm.Sequential)
        except lm.LamellaError:
            refused += 1
        except Exception as error:
            others.add(repr(error))
    assert others == set()
    assert refused > 500


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(trap),)

    expect_refused(tmp_path / "m.pkl", pickle.dumps(Trap()), "not a safetensors file")
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"PK\3\4" + b"\0" * 99, b"hello" * 20])
def test_other_files_than_safetensors_are_refused(content: bytes, tmp_path: Path) -> None:
    expect_refused(tmp_path / "m", content, "not a safetensors file, or is damaged")


def test_tensors_that_are_no_model_are_refused(tmp_path: Path) -> None:
    arrays = {"w": np.zeros(3)}
    content = safetensors.numpy.save(arrays)
    expect_refused(tmp_path / "m", content, "no lamella model")
    content = safetensors.numpy.save(arrays, {"format": "pt"})
    expect_refused(tmp_path / "m", content, "no lamella model")
    content = safetensors.numpy.save(arrays, {"lamella": '{"format": "lamella-99"}'})
    expect_refused(tmp_path / "m", content, "format 'lamella-99', .* reads 'lamella-1'")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"model"', "{}", '{"format": "lamella-1"}']
)
def test_a_header_that_is_no_description_is_refused(text: str, tmp_path: Path) -> None:
    metadata = {"lamella": text}
    expect_refused(tmp_path / "m", safetensors.numpy.save({"w": np.zeros(3)}, metadata))


def layer(header: dict[str, Any], index: int) -> dict[str, Any]:
    return header["model"]["config"]["layers"][index]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an unknown layer": (lambda h: layer(h, 1).update({"class": "Conv"}), "'Conv'.*custom_layers"),
    "a dotted path": (
        lambda h: layer(h, 1).update({"class": "os.system"}),
        "'os.system', which lamella does not know",
    ),
    "a layer without a class": (lambda h: layer(h, 1).pop("class"), "None"),
    "a layer that is a list": (lambda h: h["model"]["config"]["layers"].append([]), "layer 4"),
    "layers that are a number": (lambda h: h["model"]["config"].update(layers=3), "Sequential"),
    "no layers": (lambda h: h["model"]["config"].update(layers=[]), "at least one layer"),
    "a layer more": (
        lambda h: h["model"]["config"]["layers"].append(layer(h, 3)),
        "do not belong",
    ),
    "an argument that is none": (
        lambda h: layer(h, 1)["config"].update(colour=3),
        "Dense does not accept.*colour",
    ),
    "an argument out of range": (
        lambda h: layer(h, 1)["config"].update(units=0),
        "units must be a whole number of at least 1, got 0",
    ),
    "a configuration that is a list": (
        lambda h: layer(h, 1).update(config=[4]),
        "configuration of Dense is not a table",
    ),
    "another width": (lambda h: layer(h, 1)["config"].update(units=5), "shape"),
    "a width beyond all memory": (lambda h: layer(h, 1)["config"].update(units=10**18), "."),
    "an initializer in place of a layer": (
        lambda h: layer(h, 1).update({"class": "zeros", "config": {}}),
        "zeros",
    ),
    "a model that is a layer": (
        lambda h: h.update(model={"class": "ReLU", "config": {}}),
        "expected the description of a model",
    ),
    "a model that is text": (lambda h: h.update(model="Sequential"), "expected the description"),
    "no model": (lambda h: h.pop("model"), "expected the description"),
    "no shape of inputs": (lambda h: h.pop("in_shape"), "incomplete"),
    "a shape of text": (lambda h: h.update(in_shape=["a"]), "in_shape must be"),
    "an empty shape": (lambda h: h.update(in_shape=[]), "."),
    "another shape of inputs": (lambda h: h.update(in_shape=[7]), "shape"),
    "a shape beyond all memory": (lambda h: h.update(in_shape=[10**18]), "."),
    "an unknown loss": (lambda h: h["compiled"].update(loss={"class": "Hinge"}), "Hinge"),
    "no loss": (lambda h: h["compiled"].pop("loss"), "loss must be"),
    "no metrics": (lambda h: h["compiled"].pop("metrics"), "metric|not iterable"),
    "metrics that are a number": (lambda h: h["compiled"].update(metrics=3), "metric|not iterable"),
    "an optimizer that is a loss": (
        lambda h: h["compiled"].update(optimizer=h["compiled"]["loss"]),
        "optimizer must be",
    ),
    "a learning rate of text": (
        lambda h: h["compiled"]["optimizer"]["config"].update(lr="fast"),
        "lr must be",
    ),
    "a seed that is none": (lambda h: h["model"]["config"].update(seed=-3), "seed must be"),
    "a dtype that is none": (lambda h: h["model"]["config"].update(dtype="int8"), "dtype"),
    "another place to compute": (lambda h: h["model"]["config"].update(backend="cupy"), "."),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_description_that_does_not_fit_is_refused(
    what: str, saved: bytes, tmp_path: Path
) -> None:
    change, text = CHANGES[what]
    expect_refused(tmp_path / "m.safetensors", rewritten(saved, change), text)


def test_arrays_that_are_missing_or_misshapen_are_refused(saved: bytes, tmp_path: Path) -> None:
    size = int.from_bytes(saved[:8], "little")
    metadata = json.loads(saved[8 : 8 + size])["__metadata__"]
    arrays = safetensors.numpy.load(saved)
    less = {name: array for name, array in arrays.items() if name != "1.Dense.b"}
    expect_refused(tmp_path / "m", safetensors.numpy.save(less, metadata), "missing .*1.Dense.b")
    more = {**arrays, "9.Dense.b": np.zeros(2, "float32")}
    expect_refused(tmp_path / "m", safetensors.numpy.save(more, metadata), "unknown .*9.Dense.b")
    other = {**arrays, "1.Dense.b": np.zeros(2, "float32")}
    expect_refused(tmp_path / "m", safetensors.numpy.save(other, metadata), "1.Dense.b has shape")


def test_the_unchanged_description_is_accepted(saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(rewritten(saved, lambda header: None))
    np.testing.assert_equal(lm.load(path).state_dict(), safetensors.numpy.load(saved))


def test_a_model_that_is_not_built_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not built yet"):
        lm.Sequential([lm.Dense(3)]).save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["digits.h5", "digits.KERAS", "digits.pt", "digits.onnx"])
def test_the_suffix_of_another_format_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"write digits\.safetensors for digits\..*lm\.export"):
        small_classifier().build((6,)).save(tmp_path / name)
    assert not [*tmp_path.iterdir()]


def test_arrays_are_no_model(tmp_path: Path) -> None:
    arrays: Any = small_classifier().build((6,)).state_dict()
    with pytest.raises(ArgumentError, match=r"model must be a Trainable such as MLP\(\), got"):
        lm.save(arrays, tmp_path / "a.safetensors")


def test_a_folder_below_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = lm.Sequential([lm.Dense(3)], seed=1).build((2,))
    with pytest.raises(UsageError, match=r"cannot write .*file/m.safetensors"):
        model.save(tmp_path / "file" / "m.safetensors")


def test_a_folder_at_the_path_is_reported_and_kept(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").mkdir()
    model = lm.Sequential([lm.Dense(3)], seed=1).build((2,))
    with pytest.raises(UsageError, match="cannot write"):
        model.save(tmp_path / "m.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


FULL_DISK = """
import resource, signal, sys
import lamella as lm
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
model = lm.Sequential([lm.Dense(300)], seed=1, backend="numpy").build((300,))
try:
    model.save(sys.argv[1])
except lm.errors.UsageError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on file sizes")
def test_a_full_disk_keeps_the_old_model(saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved)
    run = run_python("-c", FULL_DISK, path)
    assert f"cannot write {path}: File too large" in run.stdout
    assert path.read_bytes() == saved
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_load_and_save_give_no_warning(saved: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(saved)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lm.load(tmp_path / "m").save(tmp_path / "n")
    np.testing.assert_equal(
        lm.load(tmp_path / "n").state_dict(), lm.load(tmp_path / "m").state_dict()
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"epochs_done": -1},
        {"epochs_done": 10**400},
        {"compiled_at": 9},
        {"draws": [0]},
        {"draws": "00000"},
        {"position": [0, 0, 0]},
        {"position": [0, 1]},
        {"position": None},
        {"position": [0.5, 1, 0]},
    ],
    ids=repr,
)
def test_a_damaged_progress_is_refused(
    damage: dict[str, Any], tmp_path: Path, saved: bytes
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(rewritten(saved, lambda header: header["progress"].update(damage)))
    with pytest.raises(FileFormatError, match="the progress of the training is damaged"):
        lm.load(path)


def test_a_file_without_progress_begins_at_the_first_epoch(tmp_path: Path, saved: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(rewritten(saved, lambda header: header.pop("progress")))
    model = lm.load(path)
    assert (model.epochs_done, model.optimizer.position) == (0, (0, 1, 0))
