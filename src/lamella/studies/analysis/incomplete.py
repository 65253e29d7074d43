"""What is in no mean, in words: runs that diverged, failed or were not run yet."""

from collections.abc import Mapping, Sequence

from lamella.studies.analysis.measures import EpochsTo, Measure
from lamella.studies.analysis.runs import Runs


def lost_runs(results: Runs, arm: str) -> str:
    """Return which runs of an arm are not done; empty if all are."""
    said = []
    for status in ("diverged", "failed"):
        lost = [run.seed for run in results.failed if (run.arm, run.status) == (arm, status)]
        if lost:
            said.append(f"{status} with {_seeds(lost, results.seeds)}")
    if not_run := [seed for name, seed in results.missing if name == arm]:
        said.append(f"not run with {_seeds(not_run, results.seeds)}")
    return "; ".join(said)


def behind_name(results: Runs, arm: str) -> str:
    """Return what has to be said behind an arm's name if not all its runs are done."""
    done, seeds = len(results.of(arm)), len(results.seeds)
    if done == seeds:
        return ""
    lost = {run.status for run in results.failed if run.arm == arm}
    why = " and ".join(sorted(lost)) or "not run yet"
    return f" ({why})" if done == 0 else f" ({done} of {seeds} seeds)"


def lost_values(results: Runs, arm: str, measure: Measure, values: Mapping[int, float]) -> str:
    """Return which seeds of an arm have no number, and why; empty if all have one."""
    said = [lost_runs(results, arm)]
    if without := [seed for seed, value in values.items() if value != value]:
        why = "did not get there" if isinstance(measure, EpochsTo) else "no number"
        said.append(f"{why} with {_seeds(without, results.seeds)}")
    return "; ".join(filter(None, said))


def _seeds(seeds: Sequence[int], whole: Sequence[int]) -> str:
    if len(seeds) == len(whole) > 1:
        return "every seed"
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
