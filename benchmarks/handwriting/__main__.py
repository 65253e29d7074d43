"""Accuracy on photographs, with and without preparation: python -m benchmarks.handwriting."""

import argparse
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import lamella as lm
from benchmarks.handwriting.network import distorted, plain
from benchmarks.handwriting.photos import KINDS, Rng, page, photograph

MIXED = "three of them"
Reader = Callable[[Any], np.ndarray]


def kinds_of(name: str, rng: Rng) -> list[str]:
    """Return the disturbances of a photograph: one by name, none, or three at random."""
    if name == MIXED:
        return rng.choice(list(KINDS), 3, replace=False).tolist()
    return [name] if name in KINDS else []


def raw(content: bytes) -> np.ndarray:
    """Return the picture as most first attempts do: grey, 28 x 28, inverted."""
    picture = Image.open(io.BytesIO(content)).convert("L").resize((28, 28))
    return 255 - np.asarray(picture)


def earlier(path: str) -> Reader:
    """Return the ``read_digit`` of another version's source file."""
    spec = importlib.util.spec_from_file_location("earlier", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda content: module.read_digit(io.BytesIO(content))


def attempt(reader: Reader, content: bytes) -> np.ndarray:
    """Return a prepared digit, black if the reader refuses the picture."""
    try:
        return reader(content)
    except lm.LamellaError:
        return np.zeros((28, 28), np.uint8)


def accuracy(readers: dict[str, Reader], models: list[Any], name: str, count: int) -> list[float]:
    """Return, for each reader and model, the fraction of photographs that are read rightly."""
    _, test = lm.datasets.mnist()
    rng = np.random.default_rng([2026, sum(map(ord, name))])
    rows = np.arange(count) * len(test.y) // count
    images: dict[str, list[np.ndarray]] = {reader: [] for reader in readers}
    for i in rows:
        if name == "28 x 28, dark on light":
            memory = io.BytesIO()
            Image.fromarray(255 - test.x[i]).save(memory, "PNG")
            content = memory.getvalue()
        else:
            content = photograph(test.x[i], rng, kinds_of(name, rng))
        for reader in readers:
            images[reader].append(attempt(readers[reader], content))
    return [
        float((model.predict_classes(np.stack(found)) == test.y[rows]).mean())
        for found in images.values()
        for model in models
    ]


def pages(model: Any, name: str, count: int) -> tuple[float, float]:
    """Return the fractions of digits on pages of 20 that are found in order, and read rightly.

    Found in order is the longest common subsequence of the originals and the images found, where
    two agree if their cosine is at least 0.6; a page with more than 20 digits loses the excess.
    """
    _, test = lm.datasets.mnist()
    rng = np.random.default_rng([2027, sum(map(ord, name))])
    placed = read = 0.0
    for _ in range(count):
        rows = rng.integers(0, len(test.y), 20)
        found = lm.datasets.read_digits(page(test.x[rows], rng, kinds_of(name, rng))).images
        one, other = (x.reshape(len(x), -1) / 255 for x in (test.x[rows], found))
        norms = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
        alike = one @ other.T / norms > 0.6
        right = alike & (test.y[rows][:, None] == model.predict_classes(found))
        most = max(20, len(found))
        placed, read = placed + common(alike) / most, read + common(right) / most
    return placed / count, read / count


def common(alike: np.ndarray) -> int:
    """Return the length of the longest common subsequence of two sequences that agree so."""
    length = np.zeros((alike.shape[0] + 1, alike.shape[1] + 1), int)
    for i, j in np.ndindex(alike.shape):
        length[i + 1, j + 1] = max(length[i, j] + alike[i, j], length[i, j + 1], length[i + 1, j])
    return int(length[-1, -1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="photographs of each kind")
    parser.add_argument("--pages", type=int, default=10, help="pages of each kind")
    parser.add_argument(
        "--earlier", metavar="FILE", help="images.py of lamella 0.1 to compare with"
    )
    parser.add_argument("--only", nargs="+", default=["", *KINDS, MIXED, "28 x 28, dark on light"])
    parser.add_argument("--models", metavar="DIR", default="runs", help="where networks are kept")
    args = parser.parse_args()
    folder = Path(args.models)
    folder.mkdir(exist_ok=True)
    models = []
    for make in (plain, distorted):
        file = folder / f"{make.__name__}.safetensors"
        if not file.exists():
            make().save(file)
        models.append(lm.load(file))
    _, test = lm.datasets.mnist()
    clean = [model.evaluate(test.x, test.y)["accuracy"] for model in models]
    readers: dict[str, Reader] = {"raw": raw}
    if args.earlier:
        readers["earlier"] = earlier(args.earlier)
    readers["read_digit"] = lm.datasets.read_digit
    names = [f"{reader}, {make}" for reader in readers for make in ("plain", "distorted")]
    print(f"MNIST's test images themselves: {clean[0]:.2%} plain, {clean[1]:.2%} distorted\n")
    if args.count:
        print(f"| {args.count:,} photographs | {' | '.join(names)} |")
        print(f"|---|{'---|' * len(names)}")
        for name in args.only:
            scores = [f"{score:.1%}" for score in accuracy(readers, models, name, args.count)]
            print(f"| {name or 'ink on white paper'} | {' | '.join(scores)} |", flush=True)
    if args.pages:
        print(f"\n| {args.pages} pages | found in order | read, distorted |\n|---|---|---|")
        for name in args.only:
            if not name.startswith("28"):
                placed, read = pages(models[1], name, args.pages)
                name = name or "ink on white paper"
                print(f"| {name} | {placed:.1%} | {read:.1%} |", flush=True)


if __name__ == "__main__":
    main()
