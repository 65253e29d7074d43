"""Sphinx extension: show docstrings as they are written, as plain text with formulas.

Classes have the signature that `inspect` reports: autodoc takes that of a ``__new__`` in a base.

reStructuredText would take indented formulas for quotations and join their lines, an asterisk as in
``(N, *in_shape)`` for emphasis, and a final underscore for a link.
"""

import inspect
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

CODE = re.compile(r"(``.*?``|`.*?`)")
MARKUP = re.compile(r"(?<=[(,] )\*(?=\w)|(?<=\()\*(?=\w)|(?<=\w)_(?!\w| :)")


def escape(line: str) -> str:
    """Escape asterisks and final underscores outside of code."""
    parts = CODE.split(line)
    parts[::2] = [MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, text: list[str]) -> None:
    """Rewrite the lines of a docstring; indented ones before its first section are formulas."""
    underlines = [number for number, line in enumerate(text) if line and set(line) == {"-"}]
    first = underlines[0] if underlines else len(text)
    lines: list[str] = []
    in_formula = False
    for line in text[:first]:
        indented = line.startswith("    ")
        if indented and not in_formula:
            lines += ["::", ""]
        if line:
            in_formula = indented
        lines.append(line if in_formula else escape(line))
    text[:] = lines + [escape(line) for line in text[first:]]


def class_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    text: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Return the arguments of a class, and those of others as they are."""
    if what == "class" and text:
        text = stringify_signature(inspect.signature(obj), show_annotation=False)
    return text, returned


def skip_hyper_parameter(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Skip properties without a function of their own: the class lists them as parameters."""
    return True if isinstance(obj, property) and not inspect.isfunction(obj.fget) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the events, the docstrings before napoleon, which reads their sections."""
    app.connect("autodoc-skip-member", skip_hyper_parameter)
    app.connect("autodoc-process-signature", class_signature)
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
