"""The report's claims, judged by numbers: each a function of the studies that were run."""

from collections.abc import Iterable

from lamella.studies.analysis.runs import Runs
from lamella.studies.report.claims import learning, networks, overall, regularization
from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import Arms, Finding

__all__ = ["CLAIMS", "Claim", "Finding", "Part", "judge"]

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
    results : iterable of Results
        Of the bundled studies, whole or cut short, in any order; what is missing is "not run".

    Returns
    -------
    list of Claim
        With a verdict on every part, and the numbers that decide.

    Notes
    -----
    A part holds if every difference it needs is there with p < 0.05, in a t-test over the seeds,
    corrected for all the tests of the part (Holm). It does not hold if one of them is there the
    other way round. Else it is not shown: the difference is lost in the noise of the seeds.
    """
    found = {each.study.name: each.runs for each in results}
    return [claim(lambda name: Arms(name, found.get(name, ()))).judged() for claim in CLAIMS]
