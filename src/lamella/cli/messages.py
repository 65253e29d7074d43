"""What the commands say when something is wrong."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def complain(text: object) -> None:
    """Print ``text`` on stderr as one line, whatever it holds."""
    print("lamella:", " ".join(str(text).split()), file=sys.stderr)


@contextmanager
def told_in_lines(category: type[Warning]) -> Iterator[None]:
    """Print warnings of this kind, each as one line, in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", category)
        warnings.showwarning = lambda message, *place, **options: complain(message)
        yield
