"""README.md and the pages in docs: Python runs as pasted, commands and links exist."""

import argparse
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from lamella.cli import _parser
from tests.subprocesses import ROOT, run_python

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def python_of(page: Path) -> str:
    """Return all Python of a page as one program, whose line numbers are those of the page."""
    lines, inside = [], False
    for line in page.read_text().splitlines():
        fence = line.startswith("```")
        if fence:
            inside = line == "```python"
        lines.append(line if inside and not fence else "")
    return "\n".join(lines)


def commands() -> list[str]:
    """Return every command in the shell blocks of README, one of each chain at a time."""
    chains = "".join(blocks(ROOT / "README.md", "sh")).splitlines()
    return [command.strip() for chain in chains for command in chain.split("&&")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs_as_pasted_and_prints_the_output_on_the_page(
    page: Path, tmp_path: Path
) -> None:
    if page.stem == "sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn, of the extra sklearn, is missing")
    program = tmp_path / f"{page.stem}_page.py"  # sklearn.py would hide scikit-learn
    program.write_text(python_of(page))
    done = run_python("-W", "error", program, folder=tmp_path)
    for shown in blocks(page, "text"):
        assert shown in done.stdout
    if page.name == "README.md":
        accuracy = re.search(r"'accuracy': (0\.\d+)", done.stdout)
        assert accuracy, done.stdout
        assert float(accuracy[1]) > 0.97


def test_readme_has_the_two_commands_of_a_fresh_machine() -> None:
    chains = [chain for block in blocks(ROOT / "README.md", "sh") for chain in block.splitlines()]
    train, test = (chain for chain in chains if chain.startswith("python3 -m venv"))
    assert train.endswith(".venv/bin/lamella train --out runs/first")
    assert test.endswith(".venv/bin/python -m pytest")


def test_every_lamella_command_in_readme_parses() -> None:
    called = [shlex.split(command, comments=True) for command in commands()]
    called = [words[1:] for words in called if Path(words[0]).name == "lamella"]
    called += [
        words.split() for words in re.findall(r"`[^`\s]*lamella ([^`]+)`", PAGES[0].read_text())
    ]
    named = {"train", "evaluate", "predict", "draw", "study", "report", "verify", "info"}
    assert {words[0] for words in called} == named
    for words in called:
        if "--help" not in words:
            assert isinstance(_parser().parse_args(words), argparse.Namespace)


def test_every_script_and_extra_in_the_commands_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    for command in commands():
        for word in shlex.split(command):
            if word.endswith(".py"):
                assert (ROOT / word).is_file(), command
            if word.startswith(".["):
                assert set(word[2:-1].split(",")) <= extras, command


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_of_lamella_that_is_mentioned_exists(page: Path) -> None:
    import lamella

    for dotted in re.findall(r"\blm((?:\.[A-Za-z_]\w*)+)", page.read_text()):
        thing: object = lamella
        for name in dotted[1:].split("."):
            assert hasattr(thing, name), f"lm{dotted}"
            thing = getattr(thing, name)
