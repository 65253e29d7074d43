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
    """Return the fractions of digits found in their place, and read rightly, on pages of 20."""
    _, test = lm.datasets.mnist()
    rng = np.random.default_rng([2027, sum(map(ord, name))])
    placed = read = 0
    for _ in range(count):
        rows = rng.integers(0, len(test.y), 20)
        found = lm.datasets.read_digits(page(test.x[rows], rng, kinds_of(name, rng)))
        if found.line.tolist() == [i // 5 for i in range(20)]:
            placed += 20
            read += int((model.predict_classes(found.images) == test.y[rows]).sum())
    return placed / (20 * count), read / (20 * count)


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
    print(f"| {args.count:,} photographs | {' | '.join(names)} | pages: placed, read |")
    print(f"|---|{'---|' * len(names)}---|")
    for name in args.only:
        scores = [f"{score:.1%}" for score in accuracy(readers, models, name, args.count)]
        paged = (
            ""
            if name.startswith("28")
            else ", ".join(f"{score:.1%}" for score in pages(models[1], name, args.pages))
        )
        print(f"| {name or 'ink on white paper'} | {' | '.join(scores)} | {paged} |", flush=True)


if __name__ == "__main__":
    main()
