"""The documentation site: complete, built without a warning, readable without a network."""

import importlib.util
import re
from pathlib import Path

import pytest

import lamella
from lamella.core import errors
from tests.subprocesses import ROOT, run_python

DOCS = ROOT / "docs"
MODULES = ("datasets", "interchange", "sklearn", "studies", "testing")


def public_names() -> set[str]:
    """Return the names of public classes and functions, but for errors, whose module is a page."""
    found = {name for name in lamella.__all__ if callable(getattr(lamella, name))}
    for module in MODULES:
        if module == "sklearn" and importlib.util.find_spec("sklearn") is None:
            continue
        found.update(importlib.import_module(f"lamella.{module}").__all__)
    return found - set(vars(errors))


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text("utf-8") for path in (DOCS / "reference").glob("*.rst"))
    listed = re.findall(r"^\.\. auto(?:class|function):: (?:\w+\.)*(\w+)$", pages, re.MULTILINE)
    assert public_names() - set(listed) == set()
    assert sorted(listed) == sorted(set(listed)), "a name is listed twice"


def test_every_method_of_models_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "models.rst").read_text("utf-8")
    members = re.search(r"autoclass:: Sequential\n +:members: (.+)", page)
    assert members
    public = {name for name in vars(lamella.Sequential) if not name.startswith("_")}
    assert public - set(members[1].split(", ")) == set()


def test_every_page_is_in_the_table_of_contents() -> None:
    pages = [*DOCS.glob("*.md"), *(DOCS / "reference").glob("*.rst"), DOCS / "report" / "README.md"]
    names = {path.relative_to(DOCS).with_suffix("").as_posix() for path in pages} - {"index"}
    index = (DOCS / "index.md").read_text("utf-8")
    assert names - set(re.findall(r"^[\w/-]+$", index, re.MULTILINE)) == set()


def test_every_example_is_on_its_page() -> None:
    page = (DOCS / "examples.md").read_text("utf-8")
    files = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert {name for name in files if f"../examples/{name}" not in page} == set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("sphinx", "furo", "myst_parser", "latex2mathml", "sklearn"):
        pytest.importorskip(package, reason=f"{package}, of the extra docs, is missing")
    folder = tmp_path_factory.mktemp("site")
    run_python("-m", "sphinx", "-W", "--keep-going", "-q", DOCS, folder)
    return folder


@pytest.mark.slow
def test_site_is_built_without_a_warning(site: Path) -> None:
    assert "softmax classifier" in (site / "tutorial.html").read_text("utf-8")


@pytest.mark.slow
def test_pages_need_no_network(site: Path) -> None:
    loaded = re.compile(r"""(?:src=|<link[^>]+href=)["'](?:https?:)?//[^"']+""")
    assert {
        found for page in site.rglob("*.html") for found in loaded.findall(page.read_text())
    } == set()


@pytest.mark.slow
def test_formulas_are_mathml_and_docstrings_keep_their_lines(site: Path) -> None:
    assert (site / "mathematics.html").read_text("utf-8").count("<math") > 100
    layers = (site / "reference" / "layers.html").read_text("utf-8")
    assert re.search(r"<pre>(?:<span></span>)?(?:<[^>]+>)*y(?:<[^>]+>|\s)*=", layers)
    assert "(N, *in_shape)" in layers
    assert "(*args" not in layers


@pytest.mark.slow
def test_links_to_files_of_the_repository_lead_to_their_pages(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    for page in ("tutorial", "contributing", "changelog", "examples", "report/README"):
        assert f'href="{page}.html"' in front
