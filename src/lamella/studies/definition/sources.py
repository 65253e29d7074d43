"""Sources of variance in a study: those that vary with its seeds, and those held at one seed.

References
----------
Bouthillier et al., Accounting for variance in machine learning benchmarks, 2021.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.core.seeds import Streams

SOURCES = {
    "init": ("init", "initial weights"),
    "order": ("shuffle", "order of samples"),
    "dropout": ("noise", "dropout"),
    "augment": ("augment", "augmentation"),
    "split": ("split", "validation split"),
    "samples": ("samples", "choice of training samples"),
}
"""Each source: its random stream, and a name for readers."""
HELD_SEED = 2**31 - 1
"""Seed of the sources that are held: one that no study counts up to."""


def check_vary(vary: Any) -> list[str] | None:
    """Return the sources that vary in the order of `SOURCES`; None for all of them.

    Raises
    ------
    ArgumentError
        If a source is unknown (the message has the nearest name), or there is none.
    """
    if vary is None:
        return None
    if isinstance(vary, str) or not isinstance(vary, Iterable):
        raise ArgumentError(f'vary must be a list of sources, such as ["init"]; got {vary!r:.80}')
    given = list(vary)
    for name in given:
        expect_known("the source", name, SOURCES)
    if not given:
        raise ArgumentError(f"vary needs a source, or all seeds would agree: {', '.join(SOURCES)}")
    return None if len(set(given)) == len(SOURCES) else [name for name in SOURCES if name in given]


def with_vary(base: dict[str, Any], vary: Any) -> dict[str, Any]:
    """Return the fields of a base with the sources that the study says."""
    if vary is None:
        return base
    if "vary" in base:
        raise ArgumentError("give vary= to the study or to its base, not to both")
    return {**base, "vary": check_vary(vary)}


def sources_text(vary: Sequence[str]) -> str:
    """Return the names of sources for readers."""
    return " and ".join(SOURCES[name][1] if name in SOURCES else name for name in vary)


class VariedStreams(Streams):
    """Random streams of which only some depend on the seed.

    Parameters
    ----------
    seed : int
    vary : list of str
        Keys of `SOURCES`. All other streams, also those of the user's own code, are those of
        `HELD_SEED`.
    """

    def __init__(self, seed: int, vary: Sequence[str]) -> None:
        super().__init__(seed)
        self._varied = [SOURCES[name][0] for name in vary]
        self._held = Streams(HELD_SEED)

    def key(self, *name: str | int) -> int:
        return super().key(*name) if name[0] in self._varied else self._held.key(*name)
