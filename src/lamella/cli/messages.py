"""Messages of the commands."""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamella.core.terminal import error_stream
from lamella.core.wording import counted

if TYPE_CHECKING:
    from lamella.studies.results import Results


def print_error(text: object) -> None:
    """Print ``text`` on stderr as one line, without its line breaks."""
    print("lamella:", " ".join(str(text).split()), file=error_stream())


def show_help(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Return a command that prints the parser's help."""

    def show(args: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return show


def counted_runs(results: "Sequence[Results]") -> str:
    """Return the numbers of studies and runs; a run that several studies share is one."""
    runs = [run.key for each in results for run in each.runs]
    studies = f"{len(results)} {'study' if len(results) == 1 else 'studies'}"
    distinct = len(set(runs))
    same = f", of which {distinct} distinct" if distinct < len(runs) else ""
    return f"{studies}, {counted(len(runs), 'run')}{same}"


@contextmanager
def one_line_warnings(category: type[Warning]) -> Iterator[None]:
    """Print each warning of ``category`` as one line in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", category)
        warnings.showwarning = lambda message, *place, **options: print_error(message)
        yield
