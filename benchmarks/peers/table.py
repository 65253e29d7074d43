"""Measurements as Markdown tables."""

from typing import Any

from benchmarks.peers.machine import BUSY
from benchmarks.peers.ratios import Spread, ratios, spread

HEAD = (
    "contestant",
    "us/step",
    "quartiles",
    "ratio",
    "quartiles",
    "60,000 images, s",
    "predict 10,000, ms",
    "ratio",
    "predict 1, us",
    "ratio",
    "peak, MB",
    "accuracy",
    "loss at 16",
)


def table(record: dict[str, Any]) -> str:
    """Return all measurements as Markdown."""
    machine = record["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, {versions}",
        "",
        "Medians of rounds in turn. A ratio is the contestant's time divided by that of the first "
        "one in the same round: above 1 it is slower. scikit-learn shuffles in its own order.",
    ]
    lines += [f"\nWARNING: {warning}." for warning in record["warnings"]]
    for result in record["results"]:
        lines += ["", *section(result)]
    return "\n".join(lines)


def section(result: dict[str, Any]) -> list[str]:
    """Return the table and the notes of one network."""
    contestants = result["contestants"]
    lines = [f"### {heading(result)}", "", *rows(result), ""]
    lines.append(f"{result['samples']:,} images a round, {result['steps']} steps.")
    if "floor" in contestants:
        parts = contestants["floor"]["parts"]
        middle = {key: spread([part[key] for part in parts]).median for key in parts[0]}
        lines.append(
            f"Floor: products {1e6 * middle['product seconds']:.0f} us a step, and "
            f"{middle['bytes'] / 1e6:.2f} MB at {middle['bytes a second'] / 1e9:.0f} GB/s."
        )
    lines.append(f"Each may use {threads(result['threads'])}{chosen_threads(contestants)}.")
    few = [name for name, one in contestants.items() if one["few_steps"]]
    lines += [f"{name}: {contestants[name]['few_steps']} steps a round." for name in few]
    return lines + notes(result)


def rows(result: dict[str, Any]) -> list[str]:
    """Return the table of one network, a line for each contestant."""
    contestants = result["contestants"]
    base = next(iter(contestants.values()))
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for name, one in contestants.items():
        lines.append(f"| {' | '.join(cells(name, one, base, result))} |")
    return lines


def notes(result: dict[str, Any]) -> list[str]:
    """Return the notes on validity: wide spreads, other load, differences, who is missing."""
    contestants = result["contestants"]
    base = next(iter(contestants.values()))["step_seconds"]
    lines = []
    spreads = {name: one["step_seconds"] for name, one in contestants.items()}
    wide = [
        name
        for name, times in spreads.items()
        if spread(times).is_wide or (name != "floor" and ratios(times, base).is_wide)
    ]
    if wide:
        lines.append(f"WIDE SPREAD, repeat this run: {', '.join(wide)} (over 15 % of the median).")
    busy = result["busy_share_before"]
    if busy is not None and busy > BUSY:
        lines.append(f"NOT ALONE: {busy:.0%} of the machine was busy before the first round.")
    lines += [f"NOT THE SAME: {difference}." for difference in result["differences"]]
    if not result["differences"]:
        noise = result["task"]["regularized"]
        losses = "each drops out others" if noise else "losses after 16 steps within 0.001"
        lines.append(f"All did the same: {losses}, accuracies within 0.6 points.")
    lines += [f"{name} takes no part: {why}" for name, why in result["left_out"].items()]
    return lines


def heading(result: dict[str, Any]) -> str:
    """Return the title of a result: network, batch size, optimizer, threads."""
    task = result["task"]
    return f"{result['name']}, {task['optimizer']}, {threads(result['threads'])}"


def threads(number: int) -> str:
    return f"{number} thread{'s' * (number > 1)}"


def chosen_threads(contestants: dict[str, Any]) -> str:
    """Return a clause on contestants that used fewer BLAS threads than they were given."""
    found = []
    for name, one in contestants.items():
        given, at_work = (blas_threads(one[key]) for key in ("pools", "pools_at_work"))
        for library, number in at_work.items():
            if number < given.get(library, number):
                found.append(f"{name} itself took {number} of {library}")
    return "; ".join(["", *found])


def blas_threads(pools: list[dict[str, Any]]) -> dict[str, int]:
    """Return the number of threads of each BLAS library, the minimum over its copies."""
    found: dict[str, int] = {}
    for pool in pools:
        if (
            pool["user_api"] == "blas"
        ):  # numba loads scipy's, which computes none of numpy's products
            name, number = pool["internal_api"], pool["num_threads"]
            found[name] = min(number, found.get(name, number))
    return found


def cells(
    name: str, one: dict[str, Any], base: dict[str, Any], result: dict[str, Any]
) -> list[str]:
    """Return the cells of one contestant."""
    step = spread([1e6 * seconds for seconds in one["step_seconds"]])
    ratio = ratios(one["step_seconds"], base["step_seconds"])
    epoch = step.median * 1e-6 * result["steps"] * 60_000 / result["samples"]
    digits = 0 if base["step_seconds"][0] >= 1e-4 else 1  # a step takes some 30 us on a GPU
    row = [name, f"{step.median:.{digits}f}", quartiles(step, digits), f"{ratio.median:.2f}"]
    row += [quartiles(ratio, 2), f"{epoch:.{2 + digits}f}"]
    for samples, unit in (("10000", 1e3), ("1", 1e6)):
        times, others = one["predict_seconds"][samples], base["predict_seconds"][samples]
        row += [f"{unit * spread(times).median:.1f}", f"{ratios(times, others).median:.2f}"]
    if name == "floor":
        return [*row, "", "", ""]
    loss, accuracy = result["losses_after_16_steps"][name], result["accuracy"].get(name)
    row += [f"{one['peak_bytes'] / 1e6:.0f}", "" if accuracy is None else f"{accuracy:.4f}"]
    row.append(f"{loss:.5f}")
    return row


def quartiles(values: Spread, digits: int) -> str:
    return f"{values.low:.{digits}f} to {values.high:.{digits}f}"
