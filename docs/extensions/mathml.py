"""Sphinx extension: write formulas as MathML, which browsers show without scripts or a network."""

import re

from docutils import nodes
from docutils.nodes import Element
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

FUNCTION = re.compile(r"(<mi>[a-z]{2,}</mi>)(?=<m[isu])")


def mathml(formula: str, display: str) -> str:
    """Return a formula as MathML, with a thin space between a function's name and its argument."""
    return FUNCTION.sub(r'\1<mspace width="0.17em"/>', convert(formula, display=display))


def write_inline(translator: HTML5Translator, node: Element) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def write_block(translator: HTML5Translator, node: Element) -> None:
    """Write a formula on a line of its own; wide ones scroll on narrow screens."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer, which is the default where it is the only one."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
