"""The claims of the report, each as a function of the studies that test it."""

from collections.abc import Iterable

from lamella.studies.analysis.runs import Runs
from lamella.studies.report.claims import learning, networks, overall, regularization
from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import Arms, Evidence

__all__ = ["CLAIMS", "Claim", "Evidence", "Part", "judge"]

CLAIMS = (
    learning.learning_rate,
    learning.batch_size_sgd,
    learning.batch_size_momentum,
    learning.batch_size_adam,
    learning.optimizers,
    networks.softmax_vs_mlp,
    networks.losses,
    networks.width,
    networks.over_fitting,
    networks.depth,
    regularization.deep,
    regularization.wide,
    regularization.combinations,
    regularization.strength,
    regularization.drop_rate,
    overall.summary,
)


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
    A part holds if all its expected differences are significant: p < 0.05 in a t-test over the
    seeds, corrected for all tests of the part (Holm). It does not hold if one difference is
    significant in the opposite direction. Otherwise it is not shown.
    """
    found = {each.study.name: each.runs for each in results}
    return [claim(lambda name: Arms(name, found.get(name, ()))).judged() for claim in CLAIMS]
