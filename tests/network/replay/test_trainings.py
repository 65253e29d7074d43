"""All kinds of trainings: the same bits with replays as without."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.numba import elementwise
from lamella.training.checkpoints import ResumeFolder
from tests.network.replay.networks import (
    CLASSES,
    DTYPES,
    EPOCHS,
    FEATURES,
    IMAGES,
    SAMPLES,
    WEIGHTS,
    X,
    Y,
    all_of,
    assert_same,
    compiled_model,
    everything,
    in_both_ways,
    never_known,
    small,
    trained,
)
from tests.training.checkpoints.interrupting import Interrupt, Interruption

OTHERS = np.random.default_rng(5).integers(0, 256, (70, 2, 3), dtype=np.uint8)
OTHER_Y = np.random.default_rng(6).integers(0, CLASSES, 70)
# How fit is called, and how many passes there are in 3 epochs: two for each size of batches.
FITS: dict[str, tuple[dict[str, Any], int]] = {
    "whole batches": ({"batch_size": 10}, 2),
    "short last batch": ({"batch_size": 9}, 4),
    "last batch of one": ({"batch_size": 13, "batch_norm": False}, 4),
    "batches of one": ({"batch_size": 1, "batch_norm": False}, 2),
    "one batch": ({"batch_size": SAMPLES}, 2),
    "one batch larger than the data": ({"batch_size": 1000}, 2),
    # Each evaluation is a pass. The first of a larger set moves the memory, so two more follow.
    "larger validation set": ({"batch_size": 10, "validation_data": (OTHERS, OTHER_Y)}, 7),
    "part held out": ({"batch_size": 10, "validation_split": 0.25}, 5),
    "no shuffling": ({"batch_size": 10, "shuffle": False}, 2),
    "weights of samples": ({"batch_size": 10, "sample_weight": WEIGHTS}, 12),
    "weights of classes": ({"batch_size": 10, "class_weight": {0: 2.0, 2: 0.5}}, 12),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FITS)
def test_training_of_any_kind_has_the_same_bits(name: str, dtype: str, any_threads: None) -> None:
    options, expected = FITS[name]
    options = dict(options)
    batch_norm = options.pop("batch_norm", True)

    def train() -> Any:
        optimizer = lm.AdamW(lm.CosineDecay(0.05, epochs=2), clip_norm=0.5)
        layers = everything(batch_norm)
        model = compiled_model(layers, optimizer=optimizer, in_shape=(2, 3), dtype=dtype)
        return trained(model, IMAGES, Y, **options)

    (some, (steps, passes)), (others, (_, without)) = in_both_ways(train)
    assert_same(some, others)
    assert passes == expected
    assert without == steps + EPOCHS * (
        "validation_data" in options or "validation_split" in options
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_so_many_that_threads_share_them_have_the_same_bits(
    dtype: str, any_threads: None
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((90, 300)), rng.integers(0, 40, 90)
    x[:, ::3] = 0

    def train() -> Any:
        layers = [
            lm.Dense(300, regularizer=lm.L2(0.01)),
            lm.ReLU(),
            lm.Dense(250, regularizer=lm.L1(0.001)),
            lm.BatchNorm(),
            lm.ReLU(),
            lm.Dense(40),
        ]
        model = compiled_model(layers, in_shape=(300,), dtype=dtype)
        assert model.layers[0].parameters[0].size > elementwise.SHARED
        return trained(model, x, y, batch_size=30)

    (some, (_, passes)), (others, _) = in_both_ways(train)
    assert_same(some, others)
    assert passes == 2


def test_several_fits_in_a_row_have_the_same_bits() -> None:
    def train() -> Any:
        model, found = compiled_model(everything(), in_shape=(2, 3)), []
        for size, epochs in ((10, 2), (10, 1), (8, 2), (40, 3), (10, 2)):
            found.append(trained(model, IMAGES, Y, batch_size=size, epochs=epochs)[0])
        return found, model.passes

    (some, passes), (others, without) = in_both_ways(train)
    for one, other in zip(some, others, strict=True):
        assert_same(one, other)
    assert (passes, without) == (8, 8 + 4 + 10 + 3 + 8)


@pytest.mark.parametrize("after", [1, 2, 3, 6, 9])
def test_interrupted_training_goes_on_with_the_same_bits(after: int, tmp_path: Path) -> None:
    def model() -> lm.Sequential:
        return compiled_model(everything(), in_shape=(2, 3))

    options = {"batch_size": 10, "epochs": 4, "validation_split": 0.0}
    with never_known():
        expected, _ = trained(model(), IMAGES, Y, callbacks=[Interrupt(-1)], **options)
    keep = ResumeFolder(tmp_path, seconds=0)
    with pytest.raises(Interruption):
        trained(model(), IMAGES, Y, callbacks=[Interrupt(after)], checkpoint=keep, **options)
    again = model()
    found, (_, passes) = trained(
        again, IMAGES, Y, callbacks=[Interrupt(-1)], checkpoint=keep, **options
    )
    assert_same(found, expected)
    assert passes == 2


def test_batch_that_is_written_anew_is_trained_on_anew() -> None:
    x, y = np.empty((8, FEATURES), "f4"), np.empty(8, np.int64)

    def train() -> Any:
        model, losses = small(), []
        for i in range(0, SAMPLES, 8):
            x[...], y[...] = X[i : i + 8], Y[i : i + 8]
            losses.append(float(model.train_step(x, y)))
        return {**all_of(model), "losses": np.array(losses)}, model.passes

    (some, passes), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert (passes, without) == (2, 5)
