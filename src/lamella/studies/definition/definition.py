"""Study definition: a common base, arms that change it, and seeds."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from lamella.core.config import join_parts
from lamella.core.errors import ArgumentError, FileFormatError, LamellaError
from lamella.core.names import expect_known
from lamella.core.signatures import KnownNames, known_arguments
from lamella.core.validation import instance
from lamella.studies.definition.checks import check_data, check_name, expect_arm_names, seeds_given
from lamella.studies.definition.experiment import Experiment
from lamella.studies.definition.fields import arm_parts, custom_parts, fields_table
from lamella.studies.definition.sources import with_vary
from lamella.studies.definition.tables import Table, differing, merge
from lamella.studies.definition.toml import parse_table
from lamella.studies.definition.tuning import (
    FIRST_SEED,
    expect_readable,
    trial_arms,
    tuned_fields,
    tuning_of_arms,
)

DESCRIPTION = ("name", "title", "question", "base", "arms", "seeds", "baseline", "varies", "cut")
NO_LOOKS: Table = {"planned": [], "past": []}


class StudyDefinition(KnownNames):
    """The arms, base and seeds of a study; `lamella.studies.Study` adds ``run`` and documents all.

    Parameters
    ----------
    name : str
    base : dict
        Fields of an `Experiment`.
    arms : dict of name to dict
        Changes of each arm.
    seeds : int or list of int
    title, question, baseline, vary : optional
    tune : dict or list, optional
        Settings to try for each arm.
    tuning_seeds : int or list of int
    data : dict, optional

    Attributes
    ----------
    experiments : dict of name to Experiment
        Empty if the definition was read from a folder of results.
    varies : list of str
    cut : str
    directions : dict of str to bool or None
        Of the user's own metrics: whether higher is better.
    tuning : table or None
        Settings to try, and those chosen; see `lamella.studies.definition.tuning`.

    Raises
    ------
    ArgumentError
        If a name is unknown, two arms are equal, or there are no seeds.
    """

    def __init__(
        self,
        name: str,
        *,
        base: Mapping[str, Any],
        arms: Mapping[str, Mapping[str, Any]],
        seeds: int | Iterable[int] = 5,
        title: str = "",
        question: str = "",
        baseline: str | None = None,
        tune: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        tuning_seeds: int | Iterable[int] = 1,
        vary: Iterable[str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(arms, Mapping) or not arms:
            raise ArgumentError(f"arms must be a dict of at least one arm, got {arms!r}")
        self.name, self.title = check_name(name), instance("title", title, str, '"Dropout"') or name
        self.question = instance("question", question, str, '"How much dropout?"')
        self.base = with_vary(fields_table(base), vary)
        self.arms = {str(arm): fields_table(fields) for arm, fields in arms.items()}
        expect_arm_names(list(map(str, arms)))
        self.custom = {
            str(arm): arm_parts(base, fields, self.base, self.arms[str(arm)])
            for arm, fields in arms.items()
        }
        self.seeds = seeds_given(seeds)
        self.baseline = next(iter(self.arms)) if baseline is None else baseline
        expect_known("the baseline", self.baseline, self.arms)
        self.cut = ""
        self.looks = NO_LOOKS
        self.tuning: Table | None = None
        if tune is not None:
            seeds_of_tuning = seeds_given(tuning_seeds, "tuning_seeds", FIRST_SEED)
            self.tuning, parts = tuning_of_arms(tune, self.arms, seeds_of_tuning)
            self.custom = {arm: join_parts(own, parts[arm]) for arm, own in self.custom.items()}
        elif tuning_seeds != 1:
            raise ArgumentError("tuning_seeds are those of tune, which is missing")
        self.data = check_data(data)
        self._complete()

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Read a study from TOML text; ``source`` is its name in error messages.

        Raises
        ------
        FileFormatError
            If the text is not valid TOML, or not a valid study.
        """
        try:
            return cls(**parse_table(text, source))
        except FileFormatError:
            raise
        except (LamellaError, RecursionError) as error:
            raise FileFormatError(f"{source}: {error}") from error

    def with_arms(self, arms: Mapping[str, tuple[str, Table]], **changes: Any) -> Self:
        """Return a copy with other arms, and with other attributes.

        Parameters
        ----------
        arms : dict of name to (str, table)
            For each arm, the one that it is made of, and all its fields.
        **changes
            Attributes and their values.
        """
        changed = copy.copy(self)
        changed.arms = {name: fields for name, (_, fields) in arms.items()}
        changed.custom = {name: self.custom[source] for name, (source, _) in arms.items()}
        vars(changed).update({"tuning": None, "baseline": next(iter(arms)), **changes})
        changed._complete()
        return changed

    def trials(self) -> Self:
        """Return the study of all trials, whose arms are the arms with each of their settings."""
        assert self.tuning is not None
        name, seeds = f"{self.name} trials", self.tuning["seeds"]
        return self.with_arms(trial_arms(self.tuning), name=name, seeds=seeds)

    def _complete(self) -> None:
        self.experiments: dict[str, Experiment] = {}
        tables: dict[str, Table] = {}
        for arm, fields in self.arms.items():
            try:
                experiment = Experiment.from_table(merge(self.base, fields), self.custom[arm])
            except ArgumentError as error:
                raise ArgumentError(f"study {self.name!r}, arm {arm!r}: {error}") from error
            table = experiment.table()
            for other, present in tables.items():
                if table == present:
                    raise ArgumentError(
                        f"study {self.name!r}: the arms {other!r} and {arm!r} are equal, so there "
                        "is nothing to compare: change one, or remove it"
                    )
            self.experiments[arm], tables[arm] = experiment, table
        metrics = [each for arm in self.experiments.values() for each in arm.own_metrics()]
        self.directions = {metric.name: metric.higher_is_better for metric in metrics}
        first, *others = tables.values()
        found = [path for other in others for path in differing(first, other)]
        of_fields = [path for path in found if not path.startswith("own.")]
        self.varies = list(dict.fromkeys(of_fields or found))
        if self.tuning is not None:
            self._complete_tuning(self.tuning)

    def _complete_tuning(self, tuning: Table) -> None:
        if common := {*self.seeds} & {*tuning["seeds"]}:
            raise ArgumentError(
                f"study {self.name!r}: the tuning has the seed {min(common)} of the comparison, "
                "whose luck would then decide twice: give other tuning_seeds"
            )
        if not tuning["chosen"]:
            self.tuning = {**tuning, "arms": self.arms}
            expect_readable(self.trials().arms)  # and all settings are valid

    @known_arguments
    def resized(
        self,
        *,
        seeds: int | Iterable[int] | None = None,
        epochs: int | None = None,
        samples: int | None = None,
        tuning_seeds: int | Iterable[int] | None = None,
    ) -> Self:
        """Return a copy with other seeds, epochs or samples; its ``cut`` describes reductions.

        Raises
        ------
        ArgumentError
            If the arms differ in epochs or samples, which then cannot be set.
        """
        fields = {"epochs": epochs, "samples": samples}
        changes = {name: value for name, value in fields.items() if value is not None}
        for name in changes:
            if name in self.varies or name in self._tuned:
                verb = "tunes" if name in self._tuned else "compares"
                raise ArgumentError(
                    f"study {self.name!r} {verb} arms with different {name}: they cannot be set"
                )
        resized = copy.copy(self)
        resized.base = {**self.base, **changes}
        resized.arms = {
            arm: {name: value for name, value in fields.items() if name not in changes}
            for arm, fields in self.arms.items()
        }
        resized.seeds = self.seeds if seeds is None else seeds_given(seeds)
        if tuning_seeds is not None:
            if self.tuning is None:
                raise ArgumentError(f"study {self.name!r} tunes nothing, so it has no tuning_seeds")
            given = seeds_given(tuning_seeds, "tuning_seeds", FIRST_SEED)
            resized.tuning = {**self.tuning, "seeds": given}
        resized._complete()
        sizes = zip(self._sizes().items(), resized._sizes().values(), strict=True)
        fewer = [
            f"{after:,} of {'all' if before is None else format(before, ',')} {name}"
            for (name, before), after in sizes
            if after is not None and (before is None or after < before)
        ]
        resized.cut = ", ".join(filter(None, [self.cut, *fewer]))
        return resized

    def with_base(self, fields: Mapping[str, Any]) -> Self:
        """Return a copy with other fields in its base, such as ``{"optimizer.lr": 1e-3}``.

        Raises
        ------
        ArgumentError
            If an arm sets one of them itself.
        """
        changed, table = copy.copy(self), fields_table(fields)
        changed.base = merge(self.base, table)
        trials = {} if self.tuning is None else trial_arms(self.tuning)
        for arm, own in {**self.arms, **{name: own for name, (_, own) in trials.items()}}.items():
            if merge(changed.base, own) != merge(merge(self.base, own), table):
                raise ArgumentError(
                    f"study {self.name!r}: the arm {arm!r} sets {', '.join(own)} itself, so "
                    f"{', '.join(fields)} cannot be set for all arms"
                )
        parts = custom_parts(fields)
        changed.custom = {arm: join_parts(own, parts) for arm, own in self.custom.items()}
        changed._complete()
        return changed

    @known_arguments
    def quick(self, *, seeds: int = 2, epochs: int = 3, samples: int | None = 6000) -> Self:
        """Return a smaller copy with at most this many seeds, epochs and samples.

        Its ``cut`` describes the reductions. Fields in which the arms differ do not change.
        """
        limits = {"epochs": epochs, "samples": samples}
        present = self._sizes()
        changes = {
            name: limit
            for name, limit in limits.items()
            if name not in (*self.varies, *self._tuned)
            and limit is not None
            and (present[name] is None or present[name] > limit)
        }
        tuning_seeds = None if self.tuning is None else self.tuning["seeds"][:1]
        return self.resized(seeds=self.seeds[:seeds], tuning_seeds=tuning_seeds, **changes)

    @property
    def _tuned(self) -> list[str]:
        return [] if self.tuning is None else tuned_fields(self.tuning)

    def _sizes(self) -> dict[str, Any]:
        first = next(iter(self.experiments.values()))
        tuning = {} if self.tuning is None else {"tuning seeds": len(self.tuning["seeds"])}
        seeds = {"seeds": len(self.seeds), **tuning}
        return {**seeds, "epochs": first.epochs, "samples": first.samples}

    def description(self) -> Table:
        """Return the definition as a table that JSON can represent."""
        parts = {"tuning": self.tuning, "directions": self.directions or None}
        table = {name: getattr(self, name) for name in DESCRIPTION} | {"looks": self.looks}
        return table | {name: part for name, part in parts.items() if part is not None}

    @classmethod
    def described(cls, table: Table) -> Self:
        """Undo `description` to read results, without ``experiments``: it cannot be run."""
        study = cls.__new__(cls)
        for name in DESCRIPTION:
            setattr(study, name, table[name])
        study.looks, study.tuning = table.get("looks", NO_LOOKS), table.get("tuning")
        study.directions = table.get("directions", {})
        study.custom, study.experiments, study.data = {}, {}, {}
        return study

    def __repr__(self) -> str:
        arms = ", ".join(self.arms)
        return f"Study({self.name!r}, {len(self.arms)} arms: {arms}; {len(self.seeds)} seeds)"
