"""Note the tasks of work on noted memory."""

from collections.abc import Callable, Sequence
from typing import Any

from lamella.backend.cupy.noted_array import OTHER_MEMORY, NotedArray, NotingModule, noted, plain
from lamella.backend.cupy.tape import Tape, end_capture, note_on
from lamella.core.typing import Array


def note(
    tape: Tape,
    xp: Any,
    work: Callable[..., Any],
    arrays: Sequence[Array],
    memory: Sequence[Any],
    objects: Sequence[Any],
) -> Any:
    """Return the result of ``work(*arrays)``, whose tasks are noted on a tape.

    The other arguments are those of `lamella.backend.Backend.capture`.
    """
    tables = [vars(each) for each in objects]
    having = [table for table in tables if "xp" in table]
    try:
        for part in memory:
            part.wrap_views(noted)
        for table in having:
            table["xp"] = NotingModule(xp)
        with note_on(tape):
            try:
                result = work(*map(noted, arrays))
            finally:
                for table in tables:
                    _release(table, xp.ndarray)
    finally:
        for table in having:
            table["xp"] = xp
        for part in memory:
            part.wrap_views(plain)
    return plain(result)


def _release(table: dict[str, Any], kind: type) -> None:
    """Turn noted arrays among attributes into plain ones; end the capture at any other array."""
    for name, value in table.items():
        if isinstance(value, NotedArray):
            table[name] = plain(value)
        elif isinstance(value, kind):
            end_capture(OTHER_MEMORY)
        elif isinstance(value, list):
            value[:] = plain(value)
        elif isinstance(value, tuple) and any(isinstance(item, kind) for item in value):
            table[name] = plain(value)
            if not all(isinstance(item, NotedArray) for item in value):
                end_capture(OTHER_MEMORY)
