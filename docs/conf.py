"""Sphinx's configuration: ``sphinx-build -W docs build/site`` builds the site."""

import sys
from pathlib import Path

import lamella

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "lamella"
copyright = "the authors of lamella, MIT licence"
release = version = lamella.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstrings",  # this one and the next two are in the folder extensions
    "links",
    "mathml",
]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

default_role = "py:obj"
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_custom_sections = ["Shapes", ("Attributes", "params_style")]

html_theme = "furo"
html_title = f"lamella {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
