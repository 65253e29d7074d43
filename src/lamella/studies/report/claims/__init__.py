"""The claims of the report, in ``claims.toml``, and their verdicts."""

from collections.abc import Iterable
from importlib import resources

from lamella.studies.analysis.runs import Runs
from lamella.studies.report.claims.claim import Claim, Part, corrected
from lamella.studies.report.claims.evidence import Evidence
from lamella.studies.report.claims.reading import read_claims

__all__ = ["Claim", "Evidence", "Part", "judge"]


def judge(results: Iterable[Runs]) -> list[Claim]:
    """Judge every claim by the results of the bundled studies.

    Parameters
    ----------
    results : iterable of Runs
        Bundled studies, complete or reduced, in any order. Parts of missing studies are "not run".

    Returns
    -------
    list of Claim
        With a verdict and the deciding numbers for every part.

    Notes
    -----
    `Part` says when a statement holds. Its tests are over the seeds, for test accuracies also over
    the test samples. p-values of statements are corrected for all of them, and nothing is decided
    by one seed.
    """
    text = (resources.files(__name__) / "claims.toml").read_text(encoding="utf-8")
    claims = read_claims(text, {each.study.name: each.runs for each in results})
    return corrected(claims)
