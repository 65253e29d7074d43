"""Words in messages and tables: counts, lists and capitals."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 run", "2 runs"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def named(noun: str, names: Sequence[object]) -> str:
    """Return a noun with all names: "seed 3", "seeds 3, 7"."""
    return f"{noun}{'s' * (len(names) != 1)} {', '.join(map(str, names))}"


def listed(names: Sequence[object], word: str = "and") -> str:
    """Return names as in a sentence: "a, b and c"."""
    *most, last = map(str, names)
    return f"{', '.join(most)} {word} {last}" if most else last


def first_of(names: Sequence[object], most: int = 5) -> str:
    """Return the first names, as Python writes them, and dots for the others."""
    return ", ".join(map(repr, names[:most])) + ", ..." * (len(names) > most)


def capitalized(text: str) -> str:
    """Return the text with a capital at its start, and the rest as it is."""
    return text[:1].upper() + text[1:]
