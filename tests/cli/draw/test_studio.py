"""Studio: fine-tuning replaces the network of all pages and saves it."""

import base64
import threading
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.cli.draw.studio import Studio
from lamella.core.errors import DataError, UsageError

pytest.importorskip("PIL", reason="drawings are kept as PNG")

BAR = np.pad(np.full((20, 3), 255, np.uint8), ((4, 4), (12, 13)))


def keep(studio: Studio, image: np.ndarray, label: str) -> None:
    studio.keep({"label": label, "pixels": base64.b64encode(image.tobytes()).decode()})


def test_tuning_changes_script_version_and_file(
    network: lm.Sequential, tmp_path: Path, digits: tuple[lm.datasets.Samples, lm.datasets.Samples]
) -> None:
    studio = Studio(network, tmp_path)
    script, (_, test) = studio.script, digits
    wrong = np.flatnonzero(network.predict_classes(test.x[:500]) != test.y[:500])[0]
    image, label = test.x[wrong], str(test.y[wrong])
    keep(studio, image, label)
    answer = studio.tune({})
    assert answer["scores"][0] == ("own, trained on", 1, 0.0, 1.0)
    assert answer["scores"][-1][:2] == ("MNIST’s test set", 10_000)
    assert (studio.version, studio.script == script) == (1, False)
    saved = lm.load(tmp_path / "model.safetensors")
    assert str(saved.predict_classes(image[None])[0]) == label
    assert studio.state() == {
        "version": 1, "model": "MLP 784-32-10", "folder": str(tmp_path), "train": 1, "test": 0,
    }  # fmt: skip


def test_one_page_tunes_at_a_time(network: lm.Sequential, tmp_path: Path) -> None:
    studio = Studio(network, tmp_path)
    keep(studio, BAR, "1")
    errors = []

    def tune() -> None:
        try:
            studio.tune({})
        except UsageError as error:
            errors.append(str(error))

    with studio.training:
        thread = threading.Thread(target=tune)
        thread.start()
        thread.join()
    assert errors == ["another page is fine-tuning the network: try again after it"]
    studio.tune({})
    assert studio.version == 1


def test_a_failed_tuning_leaves_all_as_it_was(network: lm.Sequential, tmp_path: Path) -> None:
    studio = Studio(network, tmp_path)
    keep(studio, BAR, "1")
    (tmp_path / "train" / "eleven").mkdir()
    (tmp_path / "train" / "eleven" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="eleven"):
        studio.tune({})
    assert (studio.version, studio.model) == (0, network)
    assert not (tmp_path / "model.safetensors").exists()
    assert studio.training.acquire(blocking=False)
