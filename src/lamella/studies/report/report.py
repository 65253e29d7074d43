"""HTML page on studies: set-up, drawings, tables, and verdicts on the claims of the report.

The page is one self-contained file with styles, script and drawings.
"""

import math
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from lamella.core.disk import as_path, write_atomically
from lamella.core.errors import DataError, MissingExtraError
from lamella.core.wording import counted
from lamella.studies.analysis.comparison import declared
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.student import SIGNIFICANCE
from lamella.studies.definition import bundled
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.report.claims import Claim, judge
from lamella.studies.report.page.page_wide import page_wide
from lamella.studies.report.page.sections import is_original, missing_runs, section, slug
from lamella.studies.report.page.verdicts import decided, describe, from_one_seed, tally
from lamella.studies.running.run import Run


def write_report(results: Runs | Iterable[Runs], path: Any, *, claims: bool | None = None) -> Path:
    """Write the page of one or several studies, and return its path.

    Parameters
    ----------
    results : Runs or iterable of Runs
        Bundled studies come after others.
    path : path
        Written atomically.
    claims : bool, optional
        Whether to judge the claims of the university report, if bundled studies are among the
        results. By default only if there are no others.

    Raises
    ------
    MissingExtraError
        If jinja2 or scipy is not installed.
    DataError
        If no run is finished.
    """
    several = [results] if isinstance(results, Runs) else list(results)
    file = as_path(path)
    write_atomically(file, render(several, claims).encode())
    return file


def render(results: Sequence[Runs], claims: bool | None = None) -> str:
    """Return the page as text."""
    template = page_template("lamella.studies.report", "page", "page.html.jinja")
    finished = [each for each in results if each.runs]
    if not finished:
        raise DataError("no run is finished yet, so the report would be empty")
    page: str = template.render(**_page(finished, claims))
    return page


def page_template(package: str, folder: str, name: str) -> Any:
    """Return the template of a page; it escapes all values, and refuses those that are missing.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingExtraError("jinja2", "studies", "the report") from None
    environment = Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _page(results: Sequence[Runs], judged: bool | None) -> dict[str, Any]:
    known = [each for each in results if is_original(each)]
    own = [each for each in results if each not in known]
    judged = not own if judged is None else judged
    originals = known if judged else []
    others = own if judged else [*own, *known]
    claims = judge(originals) if originals else []
    comparisons, several = page_wide(others)
    runs = [run for each in results for run in each.runs]
    alone = len(results) == 1 and not originals
    title = "" if alone else "Your own studies" if originals else "Studies"
    sections = [
        section(each, title, found) for each, found in zip(others, comparisons, strict=True)
    ]
    distinct = list({run.key: run for run in runs}.values())
    return {
        "title": _title(results, originals),
        "alone": alone,
        "own": [_chapter(title, sections, [])] if sections else [],
        "chapters": _chapters(originals, claims),
        "several": several,
        "claims": describe(claims),
        "tally": tally(claims),
        "from_one_seed": from_one_seed(claims),
        "parts": sum(len(claim.parts) for claim in claims),
        "decided": decided(claims),
        "wrong": math.ceil(SIGNIFICANCE * decided(claims)),
        "mistakes": tomllib.loads(_file("mistakes.toml")),
        "css": _file("page.css"),
        "js": _file("page.js"),
        "reductions": _reductions(originals),
        "one_seed": any(len(each.seeds) == 1 for each in results),
        "looked": any(each.looks is not None for each in originals),
        "smaller_experiment": any(_is_smaller(each.study) for each in originals),
        "studies": len(results),
        "runs": len(runs),
        "distinct": len(distinct),
        "test_set": _test_set(distinct),
        "took": _duration(sum(run.seconds for run in distinct)),
        "versions": sorted({str(run.config["lamella"]) for run in runs}),
    }


def _test_set(runs: Sequence[Run]) -> str:
    """Return a sentence on the test set, with the standard error of a usual accuracy on it."""
    sizes = {run.config.get("data", {}).get("tested") for run in runs}
    if len(sizes) > 1 or None in sizes:
        return "All runs of a study share one test set."
    (size,) = sizes
    text = f"All runs share one test set of {size:,} samples"
    if names := [
        run.config["data"].get("names") for run in runs if run.config["data"].get("names")
    ]:
        text = (
            f"The networks were trained on {names[0]['train']} and tested on {names[0]['test']}, "
            f"{size:,} samples that all runs share"
        )
    found = [
        run.scores["test_accuracy"] for run in runs if "test_accuracy" in run.scores and run.done
    ]
    if not found:
        return f"{text}."
    usual = min(median(found), 1 - 1 / size)  # that of 100% would be 0
    error = 100 * math.sqrt(usual * (1 - usual) / size)
    return (
        f"{text}, on which the standard error of an accuracy of {100 * usual:.3g}% is about "
        f"{error:.2g} points."
    )


def _title(results: Sequence[Runs], originals: Sequence[Runs]) -> str:
    if originals:
        title = "The MNIST report, reproduced"
        return title if len(results) == len(originals) else f"Your own studies. {title}"
    return results[0].study.title if len(results) == 1 else "Studies"


def _reductions(originals: Sequence[Runs]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each reduction with the ids and titles of its studies."""
    reductions: dict[str, list[tuple[str, str]]] = {}
    for name in bundled.names():
        for each in (each for each in originals if each.study.name == name):
            link = f"study-{slug(name)}", each.study.title
            for less in filter(None, (bundled.cut(each.study), missing_runs(each))):
                reductions.setdefault(less, []).append(link)
    return sorted(reductions.items(), key=lambda reduction: -len(reduction[1]))


def _is_smaller(study: StudyDefinition) -> bool:
    """Return whether a bundled study has fewer epochs or images than the report."""
    ours = bundled.load(study.name)
    return study.base["epochs"] < ours.base["epochs"] or bool(study.base.get("samples"))


def _chapters(originals: Sequence[Runs], claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Return all non-empty chapters. A claim belongs to the chapter of its studies."""
    studies = {each.study.name: each for each in originals}
    chapters, placed = [], set()
    for title, names in bundled.CHAPTERS.items():
        here = [claim for claim in claims if set(claim.studies) <= set(names)]
        placed |= {claim.number for claim in here}
        there = [
            section(studies[name], title, declared(studies[name]), answers=False)
            for name in names
            if name in studies
        ]
        chapters.append(_chapter(title, there, here))
    left = [claim for claim in claims if claim.number not in placed]
    chapters.append(_chapter("Summary", [], left))
    return [chapter for chapter in chapters if chapter["studies"] or chapter["claims"]]


def _chapter(
    title: str, studies: Iterable[dict[str, Any]], claims: Sequence[Claim]
) -> dict[str, Any]:
    judged = describe([claim for claim in claims if claim.verdict != "not run"])
    return {
        "id": f"chapter-{slug(title)}",
        "title": title,
        "studies": list(studies),
        "claims": judged,
    }


def _duration(seconds: float) -> str:
    if seconds < 120:
        return counted(round(seconds), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _file(name: str) -> str:
    return (resources.files("lamella.studies.report.page") / name).read_text(encoding="utf-8")
