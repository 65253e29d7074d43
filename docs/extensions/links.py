"""Sphinx extension: resolve links as on the disk, also in files above ``docs`` that pages include.

A link to another Markdown file leads to its page, a link to any other file to a copy of it.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PAGES = {  # files above docs, and the pages that include them
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "tests/README.md": "tests.md",
    "examples": "examples.md",
}
TARGET = re.compile(r"(?<=\]\()[^)\s#:]+")


def from_docs(text: str, folder: Path) -> str:
    """Return Markdown whose link targets, relative to ``folder``, begin with / at ``docs``."""

    def resolve(match: re.Match[str]) -> str:
        path = (folder / match[0]).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            return match[0]
        inside = path.relative_to(ROOT).as_posix()
        page = PAGES.get(inside) or inside.removeprefix("docs/")
        return f"/{page}" if inside in PAGES or page != inside else f"path:/../{inside}"

    return TARGET.sub(resolve, text)


def read_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Resolve the links of a page."""
    source[0] = from_docs(source[0], (app.srcdir / name).parent)


def read_included(app: Sphinx, path: Path, page: str, source: list[str]) -> None:
    """Resolve the links of an included file."""
    source[0] = from_docs(source[0], (app.srcdir / path).parent)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both events of reading."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
