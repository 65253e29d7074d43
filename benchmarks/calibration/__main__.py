"""Measure how often comparisons are wrong, what their intervals cover, and what they show.

    python -m benchmarks.calibration             # 18 minutes on one core
    python -m benchmarks.calibration --studies 200

All numbers are fractions of simulated studies; of 4,000, .05 has a standard error of .003.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.calibration.draws import NOISES, Answers
from benchmarks.calibration.habits import (
    grown_with_divergence,
    looked_by_hand,
    planned_later,
)
from benchmarks.calibration.pages import false_discoveries
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
from benchmarks.calibration.reading import HABITS, false_verdicts_of
from benchmarks.calibration.speeds import TESTS, Race, speed_rates
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
    yield from _readers(np.random.default_rng(0), studies)
    yield _pages(np.random.default_rng(0), few)
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
    yield _looks(np.random.default_rng(1), studies)
    yield _divergence(np.random.default_rng(2), few)
    yield from _speeds(np.random.default_rng(3), studies)


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


def _readers(rng: np.random.Generator, studies: int) -> Iterator[TextTable]:
    """Yield the rates of readers who look around, with 5 seeds."""
    head = ["", *(f"{arms} arms" for arms in (4, 6, 8))]
    for noise in list(NOISES)[:2]:
        rows = []
        for name, habit in HABITS.items():
            found = [false_verdicts_of(rng, habit, noise, arms, 5, studies) for arms in (4, 6, 8)]
            rows.append([name, *(" / ".join(f"{x:.3f}" for x in rates) for rates in found)])
        yield TextTable(
            f"Any false verdict of a reader, equal arms, {noise} noise: each table corrected by "
            "itself / standing in the ledger / the same, if one stops reading at the first verdict",
            head,
            rows,
        )


def _pages(rng: np.random.Generator, pages: int) -> TextTable:
    """Return the table of false discoveries on pages of 20 studies of 4 arms."""
    rows = []
    for differing in (0.0, 0.2, 0.5, 0.8):
        found = [false_discoveries(rng, differing, seeds, pages) for seeds in SEEDS]
        text = f"{100 * differing:.0f}% of the arms differ"
        names = ("uncorrected", "Benjamini-Hochberg", "Benjamini-Yekutieli")
        rows += [(f"{text}: {name}", [f[i] for f in found]) for i, name in enumerate(names)]
    return _table("Expected fraction of false verdicts on a page (nominal .05)", rows)


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


def _looks(rng: np.random.Generator, studies: int) -> TextTable:
    """Return the table of studies that are looked at while they grow."""
    rows = []
    for text, at in (
        ("3 seeds, then 5", (3, 5)),
        ("3 seeds, then 5, then 10", (3, 5, 10)),
        ("each seed from 2 to 20", range(2, 21)),
    ):
        found = [looked_by_hand(rng, at, studies, counted=counted) for counted in (True, False)]
        rows.append([text, *(f"{x:.3f}" for x in found)])
    found = [planned_later(rng, 3, studies)]
    rows.append(["3 seeds, then planned until decided", f"{found[0]:.3f}", ""])
    head = ["", "looks counted", "not counted"]
    return TextTable("Equal arms: a verdict at any look (nominal .05)", head, rows)


def _divergence(rng: np.random.Generator, studies: int) -> TextTable:
    """Return the table of growing studies with an arm that diverges."""
    rows = [
        [
            f"{100 * fraction:.0f}%",
            f"{grown_with_divergence(rng, fraction, studies):.3f}",
            f"{grown_with_divergence(rng, fraction, studies, both=True):.3f}",
        ]
        for fraction in (0.05, 0.2, 0.4)
    ]
    head = ["diverging", '"better" of the arm whose lowest runs diverge', "any verdict, both arms"]
    return TextTable("Seeds added until decided, at most 20, some runs diverge", head, rows)


def _speeds(rng: np.random.Generator, studies: int) -> Iterator[TextTable]:
    """Yield the tables of tests of the time to a score."""
    equal = {
        "median 4 of 15 epochs": Race(),
        "median 10": Race(median=10, epochs=30),
        "median 4, of 4 epochs": Race(epochs=4),
        "median 4, 20% diverge": Race(diverging=0.2),
        "skewed, median 10": Race(median=10, epochs=30, noise="skewed (exponential)"),
        "heavy tails, median 10": Race(median=10, epochs=30, noise="heavy-tailed (t, 3 df)"),
    }
    slower = {
        "1.4 times, median 4 of 15": Race(factor=1.4),
        "1.4 times, median 4 of 5": Race(factor=1.4, epochs=5),
        "1.4 times, 20% diverge": Race(factor=1.4, diverging=0.2),
    }
    few = max(studies // 4, 1)

    def lamellas(race: Race, studies: int, name: str = "lamella") -> list[float]:
        return [speed_rates(rng, race, s, studies, ["lamella"])[name] for s in SEEDS]

    rows = [(text, lamellas(race, studies)) for text, race in equal.items()]
    yield _table("Equal times to a score: any verdict (nominal .05)", rows)
    rows = []
    for text, race in slower.items():
        found = [speed_rates(rng, race, s, few) for s in SEEDS]
        rows += [(f"{text}: {test}", [each[test] for each in found]) for test in TESTS]
    yield _table("Slower arm: any verdict", rows)
    rows = []
    for fraction in (0.05, 0.2, 0.4):
        race = Race(diverging=fraction, slowest=True)
        rows.append((f"slowest {100 * fraction:.0f}%", lamellas(race, few, "second faster")))
    yield _table('"Better" (faster) of an arm whose slowest runs diverge', rows)


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
