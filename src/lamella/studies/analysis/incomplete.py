"""Descriptions of runs that no mean includes: diverged, failed or not run yet."""

from collections.abc import Sequence

from lamella.core.wording import named
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.runs import Runs


def incomplete_runs(results: Runs, arm: str) -> str:
    """Describe the unfinished runs of an arm; empty if there are none."""
    parts = []
    for status in ("diverged", "failed"):
        seeds = [run.seed for run in results.failed if (run.arm, run.status) == (arm, status)]
        if seeds:
            parts.append(f"{status} with {_seeds(seeds, results.seeds)}")
    if not_run := [seed for name, seed in results.missing if name == arm]:
        parts.append(f"not run with {_seeds(not_run, results.seeds)}")
    return "; ".join(parts)


def name_suffix(results: Runs, arm: str) -> str:
    """Return the text that marks the name of an arm with unfinished runs; empty if complete."""
    done, seeds = len(results.of(arm)), len(results.seeds)
    if done == seeds:
        return ""
    statuses = {run.status for run in results.failed if run.arm == arm}
    why = " and ".join(sorted(statuses)) or "not run yet"
    return f" ({why})" if done == 0 else f" ({done} of {seeds} seeds)"


def missing_values(results: Runs, arm: str, measure: Measure) -> str:
    """Describe the seeds of an arm that have no number; empty if all have one."""
    values = results.values(measure)[arm]
    parts = [incomplete_runs(results, arm)]
    if without := [seed for seed, value in values.items() if value != value]:
        if isinstance(measure, TimeTo):
            parts.append(f"{len(values) - len(without)} of {len(values)} got there")
        else:
            parts.append(f"no finite number with {_seeds(without, results.seeds)}")
    return "; ".join(filter(None, parts))


def _seeds(seeds: Sequence[int], whole: Sequence[int]) -> str:
    if len(seeds) == len(whole) > 1:
        return "every seed"
    return named("seed", seeds)
