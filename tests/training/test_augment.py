"""Augment: values against scipy and numpy; the same bits for threads, batches and resumption."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import lamella as lm
from lamella.backend import Backend
from lamella.backend.numpy_backend import NumpyBackend
from lamella.core.errors import ArgumentError, LamellaError, ShapeError
from lamella.network.batches import Data
from tests.networks import bits_of
from tests.training.checkpoints.interrupting import Interrupt, Interruption

ALL = {"shift": 2, "rotate": 20, "scale": 0.2, "shear": 15, "elastic": 1, "thickness": 0.7}
SIZE = 9
FIT: dict[str, Any] = {"epochs": 3, "batch_size": 16, "verbose": False, "check": False}


def pictures(count: int = 60, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (count, *(shape or (SIZE, SIZE))), dtype=np.uint8)
    images[:, :3] = 0  # an edge without ink
    return images, np.arange(count) % 3


def network(backend: Any = "auto", seed: int = 1) -> lm.Sequential:
    layers = [lm.Flatten(), lm.Dense(8), lm.ReLU(), lm.Dropout(0.2), lm.Dense(3)]
    model = lm.Sequential(layers, seed=seed, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(1e-2), in_shape=(SIZE, SIZE))


def fitted(augment: lm.Augment | None, backend: Any = "auto", **options: Any) -> lm.Sequential:
    model = network(backend)
    model.fit(*pictures(), augment=augment, **{**FIT, **options})
    return model


def distorted(
    backend: Backend, augment: lm.Augment, images: np.ndarray, draws: Any = None, dtype: str = "f4"
) -> np.ndarray:
    """Return the images distorted by these numbers in [-1, 1], or by those of epoch 0."""
    model = network(backend)
    x = backend.asarray(images.astype(dtype))
    if draws is not None:
        row = np.asarray([draws], float).repeat(len(images), 0)
        warps = augment.warps

        class Fixed(lm.Augment):
            def warps(self, draws: np.ndarray, height: int, width: int) -> np.ndarray:
                return warps(row, height, width)

        augment = Fixed(**augment.config())
    distort = augment.for_epoch(model, Data(x, x), np.arange(len(x)), 0)
    distort(x, backend.asarray(np.arange(len(images))))
    return backend.to_host(x)


def test_nothing_changes_without_distortions(backend: Backend) -> None:
    images = pictures()[0] / 255
    np.testing.assert_array_equal(distorted(backend, lm.Augment(), images), images.astype("f4"))
    assert bits_of(fitted(lm.Augment(), backend)) == bits_of(fitted(None, backend))


def test_a_shift_of_whole_pixels_is_a_roll(backend: Backend) -> None:
    images = np.zeros((2, 12, 10))
    images[:, 4:8, 3:6] = np.random.default_rng(0).random((2, 4, 3))
    got = distorted(backend, lm.Augment(shift=2), images, [1, -1, 0, 0, 0, 0])
    np.testing.assert_array_equal(got, np.roll(images, (-2, 2), (1, 2)).astype("f4"))


@pytest.mark.parametrize("turns", [1, -1, 2])
def test_a_quarter_turn_is_rot90(backend: Backend, turns: int) -> None:
    images = pictures(4)[0]
    angle = 90 * abs(turns)
    got = distorted(
        backend, lm.Augment(rotate=angle), images, [0, 0, -np.sign(turns), 0, 0, 0], "f8"
    )
    np.testing.assert_allclose(got, np.rot90(images, turns, (1, 2)), atol=1e-4)


@pytest.mark.parametrize("draws", [[0.3, -0.9, 0.7, 0.4, -0.6, 0], [-1, 1, -1, -1, 1, 0]], ids=str)
@pytest.mark.parametrize("shape", [(9, 9), (7, 12), (28, 28)], ids=str)
def test_the_map_equals_scipys(backend: Backend, draws: list[float], shape: Any) -> None:
    images = np.random.default_rng(1).random((3, *shape))
    augment = lm.Augment(shift=3, rotate=40, scale=0.3, shear=20)
    right, down, turn, growth, slant, _ = draws
    angle, lean = np.deg2rad(40 * turn), np.tan(np.deg2rad(20 * slant))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = (1 + 0.3 * growth) * rotation @ np.array([[1, lean], [0, 1]])  # of (x, y)
    back = np.linalg.inv(forward)[::-1, ::-1]  # of (row, column)
    centre = (np.array(shape) - 1) / 2
    offset = centre - back @ (centre + 3 * np.array([down, right]))
    expected = [ndimage.affine_transform(i, back, offset, order=1, mode="nearest") for i in images]
    got = distorted(backend, augment, images, draws, "f8")
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_thickness_moves_to_the_extremes_of_neighbours(backend: Backend) -> None:
    images = np.random.default_rng(2).random((3, 8, 11))
    cross = ndimage.generate_binary_structure(2, 1)
    for sign, extreme in ((1, ndimage.grey_dilation), (-1, ndimage.grey_erosion)):
        got = distorted(backend, lm.Augment(thickness=0.6), images, [0] * 5 + [sign], "f8")
        goal = np.stack([extreme(i, footprint=cross, mode="nearest") for i in images])
        np.testing.assert_allclose(got, images + 0.6 * (goal - images), atol=1e-6)


def test_waves_move_pixels_by_the_given_distance(backend: Backend) -> None:
    # A ramp shows where each pixel comes from.
    ramp = np.tile(np.arange(100.0), (100, 1))[None].repeat(150, 0)
    for images, axis in ((ramp, 2), (ramp.transpose(0, 2, 1), 1)):
        moves = distorted(backend, lm.Augment(elastic=3), images, dtype="f8") - images
        inside = moves[:, 12:-12, 12:-12]
        assert np.sqrt(np.mean(inside**2)) == pytest.approx(3, rel=0.1)
        assert abs(np.mean(inside)) < 0.5
        assert abs(np.diff(inside, axis=axis)).max() < 0.5  # smooth


def test_noise_has_the_given_deviation(backend: Backend) -> None:
    noise = distorted(backend, lm.Augment(noise=0.2), np.zeros((50, 28, 28)), dtype="f8")
    assert noise.std() == pytest.approx(0.2, rel=0.02)
    assert abs(noise.mean()) < 0.005
    assert len(np.unique(noise[:, 0, 0])) == 50
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.02


def test_draws_fill_their_ranges() -> None:
    draws = np.random.default_rng(0).uniform(-1, 1, (1000, 6))
    warps = lm.Augment(rotate=30, scale=0.2).warps(draws, 28, 28)
    size = np.hypot(warps[:, 0], warps[:, 3])
    assert 1 / 1.2 <= size.min() < 0.84 < 1.23 < size.max() <= 1.25 + 1e-6
    angles = np.rad2deg(np.arctan2(-warps[:, 3], warps[:, 0]))
    assert -30 <= angles.min() < -29 < 29 < angles.max() <= 30


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(9, 9), (1, 5), (6, 1), (30, 17)], ids=str)
def test_every_backend_computes_the_same_bits(backend: Backend, dtype: str, shape: Any) -> None:
    images = np.random.default_rng(3).random((13, *shape))
    augment = lm.Augment(**ALL, noise=0.1)
    expected = distorted(NumpyBackend(), augment, images, dtype=dtype)
    np.testing.assert_array_equal(distorted(backend, augment, images, dtype=dtype), expected)
    assert (expected != images.astype(dtype)).mean() > 0.9


def test_an_image_is_distorted_the_same_in_every_batch(backend: Backend) -> None:
    images = pictures()[0] / np.float32(255)
    data = Data(images, images)
    distort = lm.Augment(**ALL, noise=0.1).for_epoch(network(backend), data, np.arange(60), 4)
    rows = np.array([7, 3, 59, 3])
    batch, one = backend.asarray(images[rows]), backend.asarray(images[3:4])
    distort(batch, backend.asarray(rows))
    distort(one, backend.asarray(rows[1:2]))
    got = backend.to_host(batch)
    np.testing.assert_array_equal(got[[1]], backend.to_host(one))
    np.testing.assert_array_equal(got[1], got[3])
    later = backend.asarray(images[rows])
    lm.Augment(**ALL).for_epoch(network(backend), data, np.arange(60), 5)(
        later, backend.asarray(rows)
    )
    assert not np.array_equal(backend.to_host(later), got)


@pytest.mark.parametrize("seconds", [0, 60])
def test_an_interrupted_training_ends_with_the_same_bits(
    backend: Backend, tmp_path: Path, seconds: float
) -> None:
    augment = lm.Augment(**ALL, noise=0.1)
    folder = lm.ResumeFolder(tmp_path, seconds=seconds)
    with pytest.raises(Interruption):
        fitted(augment, backend, checkpoint=folder, callbacks=[Interrupt(6)])
    never = [Interrupt(-1)]
    with pytest.raises(LamellaError, match="different: augment"):
        fitted(None, backend, checkpoint=tmp_path, callbacks=never)
    resumed = fitted(augment, backend, checkpoint=tmp_path, callbacks=never)
    assert bits_of(resumed) == bits_of(fitted(augment, backend))


def test_only_training_sees_distorted_images(backend: Backend) -> None:
    model = network(backend)
    x, y = pictures()
    before = x.copy()
    model.fit(x, y, validation_data=(x, y), augment=lm.Augment(**ALL), **FIT)
    np.testing.assert_array_equal(x, before)
    assert model.history["val_loss"][-1] == model.evaluate(x, y)["loss"]
    assert model.history["loss"] != fitted(None, backend).history["loss"]


def test_steps_are_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    from lamella.network.replay import Call

    replays: list[bool] = []
    replay: Callable[..., None] = Call.replay
    monkeypatch.setattr(Call, "replay", lambda *args: (replays.append(True), replay(*args))[1])
    fitted(None)
    without = len(replays)
    replays.clear()
    fitted(lm.Augment(**ALL))
    assert len(replays) == without


@pytest.mark.parametrize("shape", [(9, 9), (81,), (1, 9, 9), (9, 9, 1)], ids=str)
def test_images_of_any_form_are_distorted_the_same(backend: Backend, shape: Any) -> None:
    images = pictures()[0] / 255
    augment = lm.Augment(**ALL)
    got = distorted(backend, augment, images.reshape(-1, *shape))
    np.testing.assert_array_equal(got.reshape(images.shape), distorted(backend, augment, images))


def test_flat_images_take_a_shape() -> None:
    augment = lm.Augment(shift=1, shape=(4, 20))
    assert augment.image_shape((80,)) == (4, 20)
    assert lm.Augment().image_shape((784,)) == (28, 28)
    assert repr(augment) == "Augment(shift=1.0, shape=(4, 20))"


@pytest.mark.parametrize("sample", [(4,), (80,), (3, 9, 9), (2, 2, 2, 2)], ids=str)
def test_samples_that_are_no_images_are_refused(sample: Any) -> None:
    with pytest.raises(ShapeError, match=r"augment distorts grey images.*shape=\(height, width\)"):
        lm.Augment(rotate=5).image_shape(sample)


@pytest.mark.parametrize("sample", [(81,), (20, 4)], ids=str)
def test_samples_of_another_shape_are_refused(sample: Any) -> None:
    with pytest.raises(ShapeError, match=r"augment has shape=\(4, 20\), but"):
        lm.Augment(rotate=5, shape=(4, 20)).image_shape(sample)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotate": -1}, r"rotate must be in \[0, 180\]"),
        ({"scale": 1}, r"scale must be in \[0, 0.9\]"),
        ({"elastic": float("nan")}, "elastic must be a finite number"),
        ({"shift": True}, "shift must be a finite number"),
        ({"noise": "much"}, "noise must be a finite number"),
        ({"shape": (28,)}, r"shape must be \(height, width\)"),
        ({"shape": 28}, "shape must be a tuple"),
        ({"rotation": 10}, "rotate"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        lm.Augment(**options)


def test_a_later_bad_value_is_refused_too() -> None:
    augment = lm.Augment(shift=1)
    with pytest.raises(ArgumentError, match="shift must be in"):
        augment.shift = 1e30


@pytest.mark.parametrize("given", [True, {"rotate": 10}, lm.Augment, "Augment"])
def test_fit_refuses_other_objects_before_training(given: Any) -> None:
    model = network()
    before = model.state_dict()
    with pytest.raises(ArgumentError, match="augment must be an"):
        model.fit(*pictures(), augment=given, **FIT)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
