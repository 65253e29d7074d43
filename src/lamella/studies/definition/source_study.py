"""Study of where the spread of one arm's scores comes from."""

from typing import TypeVar

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.studies.definition.definition import NO_LOOKS, StudyDefinition
from lamella.studies.definition.tables import merge

ALL_SOURCES = "all sources"
S = TypeVar("S", bound=StudyDefinition)


def study_of_sources(study: S, arm: str | None) -> S:
    """Return a study of one arm, with all its sources of variance and with each alone.

    Raises
    ------
    ArgumentError
        If there is no such arm, or it has one source only.
    """
    arm = study.baseline if arm is None else arm
    expect_known("the arm", arm, study.arms)
    if study.tuning is not None and not study.tuning["chosen"]:
        raise ArgumentError(
            "the arms are not tuned yet: run the study, and call results.study.sources()"
        )
    found = study.experiments[arm].sources()
    if len(found) < 2:
        raise ArgumentError(
            f"nothing but {found[0]!r} varies with the seed in the arm {arm!r}: there is nothing "
            "to separate"
        )
    fields = study.arms[arm]
    alone = {name: (arm, merge(fields, {"vary": [name]})) for name in found}
    return study.with_arms(
        {ALL_SOURCES: (arm, fields), **alone},
        name=f"{study.name} - sources",
        title=f"Sources of variance: {arm}",
        question="Where does the spread over seeds come from?",
        looks=NO_LOOKS,
    )
