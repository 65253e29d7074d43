"""Models as files: the same bits after a round trip, and clear errors from all other files."""

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
from lamella.core.errors import FileFormatError, UsageError
from tests.networks import Gain, halves
from tests.subprocesses import run_python


def samples(n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, 2, 3)).astype("float32"), rng.integers(0, 3, n)


def every_layer(backend: Backend | str = "numpy", **options: Any) -> lm.Sequential:
    """A trained model with each layer lamella has."""
    layers = [
        lm.Flatten(),
        lm.Dense(8, use_bias=False, init="glorot_normal", regularizer=lm.L1L2(1e-4, 1e-3)),
        lm.BatchNorm(0.8, eps=1e-4),
        lm.LeakyReLU(0.1),
        lm.Dropout(0.1),
        lm.Dense(6, regularizer=lm.L2(1e-3)),
        lm.Tanh(),
        lm.Dense(5),
        lm.ReLU(),
        lm.Dense(4, regularizer=lm.L1(1e-4)),
        lm.Sigmoid(),
        lm.Dense(3),
        lm.Softmax(),
    ]
    model = lm.Sequential(layers, seed=1, backend=backend, **options)
    schedule = lm.Warmup(lm.StepDecay(0.01, every=3, factor=0.5), epochs=2, start=0.2)
    model.compile(
        lm.MeanSquaredError(), lm.AdamW(schedule, weight_decay=0.02, clip_norm=5.0), ["accuracy"]
    )
    model.fit(*samples(), epochs=2, batch_size=8, verbose=False)
    return model


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


# There and back


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_with_every_layer_comes_back_bit_for_bit(
    backend: Backend, dtype: str, tmp_path: Path
) -> None:
    x, y = samples()
    model = every_layer(backend, dtype=dtype)
    used = {type(layer) for layer in model.layers}
    assert used == {getattr(lm, name) for name in lm.layers.__all__} - {lm.Activation, lm.Layer}
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend=backend)
    np.testing.assert_equal(again.state_dict(), model.state_dict())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.evaluate(x, y) == model.evaluate(x, y)
    assert repr(again) == repr(model)
    assert (again.seed, again.dtype, again.in_shape) == (model.seed, model.dtype, model.in_shape)


def test_loss_optimizer_schedule_and_metrics_come_back(tmp_path: Path) -> None:
    model = every_layer()
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    assert type(again.loss) is lm.MeanSquaredError
    assert repr(again.optimizer) == repr(model.optimizer)
    assert "Warmup" in repr(again.optimizer)
    assert "clip_norm=5.0" in repr(again.optimizer)
    assert [again.optimizer.lr(t) for t in (0, 1, 4)] == [model.optimizer.lr(t) for t in (0, 1, 4)]
    assert [metric.name for metric in again.metrics] == ["accuracy"]
    assert [repr(p.regularizer) for p in again.regularized] == [
        repr(p.regularizer) for p in model.regularized
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        lm.StepDecay(0.1, 2),
        lm.ExponentialDecay(0.1, 0.9),
        lm.InverseDecay(0.1, 0.5),
        lm.CosineDecay(0.1, 7, floor=0.01),
        lm.Warmup(0.1, 3),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
@pytest.mark.parametrize("optimizer", [lm.SGD, lm.Momentum, lm.Adam, lm.AdamW])
def test_every_optimizer_and_schedule_can_be_saved(
    optimizer: Any, schedule: lm.Schedule, tmp_path: Path
) -> None:
    model = lm.Sequential([lm.Dense(1), lm.Sigmoid()], seed=0, backend="numpy")
    model.compile(lm.BinaryCrossEntropy(), optimizer(schedule), in_shape=(2,))
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors")
    assert type(again.optimizer) is optimizer
    assert [again.optimizer.lr(t) for t in range(9)] == [schedule(t) for t in range(9)]


def test_a_loaded_model_is_trained_on_as_one_that_was_compiled_anew(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Flatten(), lm.Dense(4), lm.Tanh(), lm.Dense(3)], seed=1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.1))
    model.fit(*samples(), epochs=2, verbose=False)
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend=model.backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.1))
    for one in (model, again):
        one.fit(*samples(), epochs=1, shuffle=False, verbose=False)
    np.testing.assert_equal(again.state_dict(), model.state_dict())
    again.store.values[...] = 2.0
    assert (again.layers[1].W.value == 2).all()


def test_a_model_without_a_loss_can_be_saved_and_predicts(tmp_path: Path) -> None:
    x, _ = samples()
    model = lm.Sequential([lm.Flatten(), lm.Dense(3)], seed=1, backend="numpy").build((2, 3))
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert not again.compiled


def test_any_name_and_any_kind_of_path_will_do(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy").build((2,))
    for path in (tmp_path / "model", str(tmp_path / "m.bin"), tmp_path / "m d.safetensors"):
        model.save(path)
        np.testing.assert_equal(lm.load(path).state_dict(), model.state_dict())


def test_saving_does_not_change_the_model(backend: Backend, tmp_path: Path) -> None:
    saves, not_saved = every_layer(backend), every_layer(backend)
    saves.save(tmp_path / "m.safetensors")
    for model in (saves, not_saved):
        model.fit(*samples(), epochs=1, verbose=False)
    np.testing.assert_equal(saves.state_dict(), not_saved.state_dict())


def test_the_file_is_one_that_other_readers_of_safetensors_understand(tmp_path: Path) -> None:
    model = every_layer()
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_equal(
        safetensors.numpy.load_file(tmp_path / "m.safetensors"), model.state_dict()
    )


# Parts of one's own


def own_parts(tmp_path: Path) -> tuple[lm.Sequential, Path]:
    model = lm.Sequential(
        [lm.Flatten(), Gain(2.0), lm.Dense(3, init=halves)], seed=1, backend="numpy"
    )
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    model.fit(*samples(), epochs=1, verbose=False)
    model.save(tmp_path / "own.safetensors")
    return model, tmp_path / "own.safetensors"


def test_own_layers_and_functions_come_back_if_they_are_passed(tmp_path: Path) -> None:
    model, path = own_parts(tmp_path)
    again = lm.load(path, custom_layers=[Gain, halves], backend="numpy")
    assert type(again.layers[1]) is Gain
    assert again.layers[1].factor == 2.0
    assert again.layers[2].init is halves
    np.testing.assert_array_equal(again.predict(samples()[0]), model.predict(samples()[0]))


def test_own_parts_that_are_not_passed_are_named(tmp_path: Path) -> None:
    _, path = own_parts(tmp_path)
    with pytest.raises(FileFormatError, match=r"'Gain'.*lm.load\(path, custom_layers=\[Gain\]\)"):
        lm.load(path)
    with pytest.raises(FileFormatError, match=r"'halves'.*custom_layers"):
        lm.load(path, custom_layers=[Gain])


def test_a_layer_that_does_not_keep_its_arguments_is_told_when_saved(tmp_path: Path) -> None:
    class Forgetful(Gain):
        def __init__(self, scale: float = 1.0) -> None:
            super().__init__(scale)

    model = lm.Sequential([Forgetful()], seed=1).build((3,))
    with pytest.raises(UsageError, match=r"takes 'scale' but does not store it.*self.scale"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_an_option_that_no_file_can_hold_is_told(tmp_path: Path) -> None:
    model = lm.Sequential([Gain(object())], seed=1).build((3,))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="hyper-parameter of type object cannot be saved"):
        model.save(tmp_path / "m.safetensors")


# Damaged and foreign files


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
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
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
    assert lm.load(path).predict(samples()[0]).shape == (30, 3)


def test_a_file_that_is_not_there_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        lm.load(tmp_path / "nowhere.safetensors")


# Writing


def test_a_model_that_is_not_built_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not built yet"):
        lm.Sequential([lm.Dense(3)]).save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = lm.Sequential([lm.Dense(3)], seed=1).build((2,))
    with pytest.raises(UsageError, match=r"cannot write .*file/m.safetensors"):
        model.save(tmp_path / "file" / "m.safetensors")


def test_a_folder_in_the_way_is_told_and_kept(tmp_path: Path) -> None:
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


def test_no_warning_is_given_on_the_way(saved: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(saved)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lm.load(tmp_path / "m").save(tmp_path / "n")
    np.testing.assert_equal(
        lm.load(tmp_path / "n").state_dict(), lm.load(tmp_path / "m").state_dict()
    )
