"""Measure how often comparisons are wrong, what their intervals cover, and what they show.

    python -m benchmarks.calibration             # some minutes on one core
    python -m benchmarks.calibration --studies 200

All numbers are fractions of simulated studies; of 4,000, .05 has a standard error of .003.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.calibration.draws import NOISES, Answers
from benchmarks.calibration.rates import (
    alike,
    by_answers,
    equivalent,
    false_verdicts,
    flattered,
    grown,
    mean_coverage,
    shown,
)
from benchmarks.calibration.tuned import SETTINGS, tuned_against_tuned, tuned_by_test
from lamella.studies.analysis.text_table import TextTable

SEEDS = (3, 5, 10, 20)


def tables(studies: int, rng: np.random.Generator) -> Iterator[TextTable]:
    """Yield all tables; those of answers to test samples are of a quarter as many studies."""
    few = max(studies // 4, 1)
    yield _table(
        "False verdicts: equal arms, each compared to the first (nominal .05)",
        [
            (f"{noise}, {arms} arms", [false_verdicts(rng, noise, arms, s, studies) for s in SEEDS])
            for noise in NOISES
            for arms in (2, 4, 8)
        ],
    )
    rows = []
    for fraction in (0.05, 0.1, 0.2, 0.4):
        text = f"{100 * fraction:.0f}%"
        rows += [
            (
                f"{text} at random",
                [flattered(rng, fraction, s, studies, lowest=False) for s in SEEDS],
            ),
            (
                f"{text}, the lowest",
                [flattered(rng, fraction, s, studies, lowest=True) for s in SEEDS],
            ),
            (
                f"{text}, the lowest, if left out",
                [flattered(rng, fraction, s, studies, lowest=True, dropped=True) for s in SEEDS],
            ),
            (
                f"{text} of both arms: any verdict",
                [alike(rng, fraction, s, studies) for s in SEEDS],
            ),
        ]
    yield _table('"better" of an arm that diverges, without which both are equal', rows)
    yield _table(
        "Effects shown: score of standard deviation 0.15 points",
        [
            (f"{effect} points, {arms} arms", [shown(rng, effect, arms, s, studies) for s in SEEDS])
            for effect in (0.1, 0.3)
            for arms in (2, 8)
        ],
    )
    yield _grown(rng, few)
    for samples in (10_000, 1_000):
        yield _by_answers(rng, samples, few)
    yield _table(
        "Any false verdict with a margin of 0.2 points, three arms (nominal .05)",
        [
            (str(truth), [equivalent(rng, truth, 0.2, s, studies)[0] for s in SEEDS])
            for truth in ([0, 0, 0], [0.2, 0.2, 0.2], [0, 0.2, 0.2], [0, 0.2, 0.6])
        ],
    )
    yield _table(
        "Shown to lie within a margin of 0.2 points, one arm (nominal .05 at the margin)",
        [
            (f"difference {truth}", [equivalent(rng, [truth], 0.2, s, studies)[1] for s in SEEDS])
            for truth in (0.2, 0.0)
        ],
    )
    yield _means(rng, few)
    yield _tuned(rng, studies)


def _tuned(rng: np.random.Generator, studies: int) -> TextTable:
    """Return the table of arms that were tuned."""
    noises = [noise for noise in NOISES if noise != "first arm normal, others skewed"]
    rows = [
        (
            f"{noise}, {arms} arms",
            [tuned_against_tuned(rng, noise, arms, s, studies) for s in SEEDS],
        )
        for noise in noises
        for arms in (2, 4)
    ]
    by_test = [tuned_by_test(rng, s, studies) for s in SEEDS]
    rows.append(('"better" of an arm chosen by its test scores, the other untuned', by_test))
    return _table(f"False verdicts: {SETTINGS} equal settings of each arm (nominal .05)", rows)


def _grown(rng: np.random.Generator, studies: int) -> TextTable:
    """Return the table of studies that grow until they are decided."""
    rows = []
    for noise in NOISES:
        found = [grown(rng, noise, arms, 0.0, studies)[0] for arms in (2, 4, 8)]
        rows.append([f"{noise}: any false verdict", *(f"{x:.3f}" for x in found)])
    for effect in (0.1, 0.3):
        found = [grown(rng, "normal", arms, effect, studies)[1:] for arms in (2, 4, 8)]
        rows.append([f"{effect} points shown", *(f"{shown:.3f}" for shown, _ in found)])
        rows.append(["mean number of seeds", *(f"{seeds:.1f}" for _, seeds in found)])
    for effect in (0.0, 0.2):
        found = [grown(rng, "normal", arms, effect, studies, 0.2) for arms in (2, 4, 8)]
        text = f"margin of 0.2 points, difference {effect}"
        rows.append([f"{text}: any false verdict", *(f"{wrong:.3f}" for wrong, _, _ in found)])
        rows.append([f"{text}: mean number of seeds", *(f"{n:.1f}" for _, _, n in found)])
    head = ["", "2 arms", "4 arms", "8 arms"]
    return TextTable("Seeds added from 3 until decided, at most 20", head, rows)


def _by_answers(rng: np.random.Generator, samples: int, studies: int) -> TextTable:
    """Return the table of verdicts and coverage where answers are kept."""
    rows = []
    for effect in (0.0, 0.003):
        found = by_answers(rng, Answers(samples, effect=effect), SEEDS, studies)
        text = f"{100 * effect:g} points"
        for name, label in (
            ("shown", f"{text}: verdicts"),
            ("shown by seeds", f"{text}: verdicts of the paired t-test"),
            ("seeds", f"{text}: coverage, new seeds"),
            ("samples", f"{text}: coverage, new seeds and samples"),
        ):
            rows.append((label, [found[s][name] for s in SEEDS]))
    return _table(f"Two arms at 98% on {samples:,} samples, of the population of samples", rows)


def _means(rng: np.random.Generator, studies: int) -> TextTable:
    """Return the table of the coverage of an arm's mean near 100%."""
    seeds = (2, *SEEDS[:3])
    rows = []
    for samples, accuracy in ((90, 0.99), (360, 0.98), (1000, 0.98)):
        model = Answers(samples, accuracy)
        for answers in (False, True):
            found = [mean_coverage(rng, model, s, studies, answers=answers) for s in seeds]
            name = (
                f"{100 * accuracy:g}% of {samples} samples, answers {'' if answers else 'not '}kept"
            )
            rows.append((name, [covered for covered, _ in found]))
            rows.append((f"{name}: no interval", [without for _, without in found]))
    return _table("Coverage of the interval of a mean, for new seeds (nominal .95)", rows, seeds)


def _table(
    title: str, rows: Sequence[tuple[str, Sequence[float]]], seeds: Sequence[int] = SEEDS
) -> TextTable:
    head = ["", *(f"{number} seeds" for number in seeds)]
    return TextTable(title, head, [[name, *(f"{x:.3f}" for x in found)] for name, found in rows])


def main() -> None:
    """Print all tables in Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--studies", type=int, default=4000, help="of each number; default 4000")
    for table in tables(parser.parse_args().studies, np.random.default_rng(0)):
        print(f"{table.to_markdown()}\n", flush=True)


if __name__ == "__main__":
    main()
