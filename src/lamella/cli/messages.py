"""What the commands say when something is wrong."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def print_error(text: object) -> None:
    """Print ``text`` on stderr as one line, whatever it holds."""
    print("lamella:", " ".join(str(text).split()), file=sys.stderr)


def counted(number: int, what: str) -> str:
    """Return a number of things: "1 run", "2 runs"."""
    return f"{number} {what}{'s' * (number != 1)}"


@contextmanager
def one_line_warnings(category: type[Warning]) -> Iterator[None]:
    """Print warnings of this kind, each as one line, in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", category)
        warnings.showwarning = lambda message, *place, **options: print_error(message)
        yield
