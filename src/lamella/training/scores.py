"""Scores: loss and metrics of an evaluation by name."""

from lamella.core.names import suggestion
from lamella.core.wording import listed


class Scores(dict[str, float]):
    """Loss and metrics by name, a dict whose errors say which names it has.

    Keras returns a list instead: ``scores["accuracy"]`` stands for its ``scores[1]``, and
    ``loss, accuracy = scores.values()`` for the two variables.
    """

    def __missing__(self, name: object) -> float:
        found = suggestion(name, self) if isinstance(name, str) else None
        example = f'write scores["{[*self][-1]}"]'
        raise KeyError(f"there is no score {name!r} among {listed([*self])}: {found or example}")
