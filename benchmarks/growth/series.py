"""Series of networks: varying widths, depths, batch sizes and numbers of samples."""

from dataclasses import dataclass

from benchmarks.peers.tasks import Task

BASE, BATCH = (784, 256, 30, 10), 64
DEPTH_WIDTH = 64
SAMPLES = 12_800  # maximum per round, unless the number of samples varies


@dataclass(frozen=True)
class Point:
    """One value of a series and its task.

    Attributes
    ----------
    at : int
        The value.
    task : Task
    samples : int
        Number of images in an epoch; a maximum if the cost is measured per step.
    """

    at: int
    task: Task
    samples: int = SAMPLES


@dataclass(frozen=True)
class Series:
    """Points that differ in one quantity.

    Attributes
    ----------
    of, title : str
        The varied quantity, as a word and as an axis label.
    points : tuple of Point
    whole_epochs : bool
        Whether the cost is measured per epoch in milliseconds, or per step in microseconds.
    """

    of: str
    title: str
    points: tuple[Point, ...]
    whole_epochs: bool = False

    @property
    def unit(self) -> str:
        return "ms an epoch" if self.whole_epochs else "us a step"


def make_series(optimizer: str, *, few: bool = False) -> tuple[Series, ...]:
    """Return the four series; with ``few`` only three small values of each."""
    end = 3 if few else None
    widths, depths = (16, 64, 256, 1024, 4096)[:end], (1, 2, 4, 8, 16)[:end]
    batches, lengths = (4, 16, 64, 256, 1024)[:end], (600, 2_000, 6_000, 20_000, 60_000)[:end]
    base = Task(BASE, BATCH, optimizer)
    return (
        Series(
            "width",
            f"width w of 784-w-10, batch {BATCH}",
            tuple(Point(w, Task((784, w, 10), BATCH, optimizer)) for w in widths),
        ),
        Series(
            "depth",
            f"hidden layers of {DEPTH_WIDTH}, batch {BATCH}",
            tuple(Point(n, Task((784, *[DEPTH_WIDTH] * n, 10), BATCH, optimizer)) for n in depths),
        ),
        Series(
            "batch",
            f"batch size, {'-'.join(map(str, BASE))}",
            tuple(Point(n, Task(BASE, n, optimizer)) for n in batches),
        ),
        Series(
            "samples",
            f"images in an epoch, {base.name}",
            tuple(Point(n, base, n) for n in lengths),
            whole_epochs=True,
        ),
    )
