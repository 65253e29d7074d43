"""Messages of the commands."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lamella.core.terminal import error_stream


def print_error(text: object) -> None:
    """Print ``text`` on stderr as one line, without its line breaks."""
    print("lamella:", " ".join(str(text).split()), file=error_stream())


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 run", "2 runs"."""
    return f"{number} {noun}{'s' * (number != 1)}"


@contextmanager
def one_line_warnings(category: type[Warning]) -> Iterator[None]:
    """Print each warning of ``category`` as one line in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", category)
        warnings.showwarning = lambda message, *place, **options: print_error(message)
        yield
