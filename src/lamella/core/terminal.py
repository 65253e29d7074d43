"""Standard streams: terminals, and none in programs such as pythonw and frozen applications."""

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


class _Nowhere(io.TextIOBase):
    """Stream that discards its text."""

    def write(self, text: str) -> int:
        return len(text)


def error_stream() -> TextIO:
    """Return ``sys.stderr``, or a stream that discards its text if that is None or closed."""
    if sys.stderr is None or getattr(sys.stderr, "closed", False):
        return _Nowhere()  # type: ignore[return-value]
    return sys.stderr


def shows_bars(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can draw a line anew."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def standard_streams() -> Iterator[None]:
    """Replace missing standard streams in this block, because joblib flushes them."""
    with ExitStack() as ending:
        if sys.stdout is None:
            ending.enter_context(redirect_stdout(_Nowhere()))
        if sys.stderr is None:
            ending.enter_context(redirect_stderr(_Nowhere()))
        yield


def terminal_width() -> int | None:
    """Return the columns of the terminal that ``sys.stdout`` is; None if it is none."""
    try:
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # it is closed
        return None
    return shutil.get_terminal_size().columns if is_terminal else None


def replace_unknown_signs() -> None:
    """Let standard streams write "?" for signs that their encoding lacks, as in Windows files."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
