"""The page: one valid, self-contained file with the given results."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lamella.core.errors import DataError, UsageError
from lamella.studies import Study
from lamella.studies.analysis.answer import answer
from lamella.studies.analysis.comparison import declared
from lamella.studies.definition import bundled
from lamella.studies.report.report import render, write_report
from lamella.studies.results import Results, read_all
from lamella.studies.running.archived_run import archived
from tests.studies.made_up_studies import changed, results_of, some_seeds
from tests.studies.small import TEST, TRAIN, small_study

VOID = {"meta", "link", "br", "use", "path", "circle", "img"}


class Page(HTMLParser):
    """Parser of a page that checks for unmatched tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        assert "style" not in given or tag in ("i", "svg")
        if tag not in VOID or (tag in ("path", "circle") and not self.closed()):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def closed(self) -> bool:
        return (self.get_starttag_text() or "").endswith("/>")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()
        self.text.append(" " if tag in ("td", "th", "p", "span", "li", "h3") else "")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def small_called(name: str, seeds: int = 2) -> Study:
    parts = small_study().description()
    return Study(name, base=parts["base"], arms=parts["arms"], seeds=seeds)


@pytest.fixture(scope="module")
def whole() -> str:
    """The page of all bundled studies."""
    lost = {"5e-1": {"status": "diverged"}}
    special = {
        "momentum-learning-rate": lost,
        "softmax-vs-mlp": {"softmax": {"test": 0.923, "early": 0.9}},
    }
    return render([results_of(name, special.get(name)) for name in bundled.names()])


def test_page_is_sound_and_needs_nothing_else(whole: str) -> None:
    page = Page(whole)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link.startswith(("data:,", "data:image/png;", "#")), link
    assert not re.findall(r"https?:|@import|url\(", whole)


def test_every_link_leads_somewhere(whole: str) -> None:
    page = Page(whole)
    targets = {link[1:] for link in page.links if link.startswith("#")}
    assert targets <= set(page.ids)
    assert {f"study-{name}" for name in bundled.names()} <= set(page.ids)
    assert {f"claim-{number}" for number in range(71, 87)} <= targets


def test_page_is_small(whole: str) -> None:
    assert len(whole.encode()) < 3_000_000


def test_same_results_make_the_same_page(whole: str) -> None:
    results = [results_of("depth")]
    assert render(results) == render([results_of("depth")])


def test_training_and_test_accuracy_are_adjacent() -> None:
    page = Page(render([results_of("depth", {"[100]": {"train": 0.999, "test": 0.975}})]))
    assert re.search(r"\[100\] 99\.\d\d ± 0\.0\d 97\.\d\d ± 0\.0\d", page.words)


def test_differences_have_interval_p_and_verdict() -> None:
    page = Page(render([results_of("depth", {"[100, 70]": {"test": 0.93}})]))
    assert re.search(
        r"\[100, 70\] 99\.[^\[]+ 0\.1000 −4\.0\d \[−4\.\d\d, −[34]\.\d\d\] < 0\.001 worse",
        page.words,
    )


def test_verdicts_have_the_deciding_numbers(whole: str) -> None:
    words = Page(whole).words
    assert re.search(r"clearly more accurate\. holds Test accuracy: 97\.\d+% with MLP, 92\.", words)
    assert "required above +1.00, p < 0.001" in words


def test_overview_of_verdicts_adds_up(whole: str) -> None:
    words = Page(whole).words
    statements = int(re.findall(r"consist of (\d+) statements", words)[0])
    counts = re.findall(r"<b>(\d+)</b>", whole)
    assert sum(map(int, counts)) == statements


def test_diverged_runs_have_their_reason(whole: str) -> None:
    words = Page(whole).words
    assert re.search(
        r"5e-1, seeds 0, 1[\d, ]*, diverged: the loss was not finite in epoch 2", words
    )
    assert "no score" in words


def test_an_unfinished_study_of_the_report_says_so_and_has_no_verdict_on_its_gaps() -> None:
    whole = results_of("width", {arm: {"test": 0.9} for arm in ("[256, 30]",)})
    gone = (whole.arms[-1], whole.seeds[-1])
    runs = [run for run in whole.runs if (run.arm, run.seed) != gone]
    words = Page(render([Results(whole.study, runs)])).words
    total = f"{len(whole):,} runs missing"
    assert f"1 of {total}: Width" in words.split("Overview of verdicts")[0]
    assert f"Unfinished: 1 of {total}." in words
    assert words.count("; a verdict needs all runs") == 1


def test_reductions_are_listed_at_the_top_and_in_their_studies() -> None:
    fewer = [some_seeds(results_of(name), [0, 1]) for name in ("depth", "width")]
    text = render([*fewer, results_of("optimizers")])
    words = Page(text).words
    assert "Reduced to save time: 2 of 10 seeds: Width, Depth" in words
    assert '2 of 10 seeds: <a href="#study-width">Width</a>' in text
    assert words.count("Reduced: 2 of 10 seeds.") == 2
    assert "one seed" not in words.split("Overview of verdicts")[0]
    assert "with fewer epochs" not in words.lower()
    assert "Reduced" not in Page(render([results_of("depth")])).words


def test_fewer_epochs_are_a_smaller_experiment() -> None:
    depth = results_of("depth")
    words = Page(render([Results(depth.study.resized(epochs=5), depth.runs)])).words
    assert "5 of 15 epochs: Depth With fewer epochs or images, an experiment differs" in words


def test_claims_without_studies_are_not_run() -> None:
    text = render([results_of("depth")])
    page = Page(text)
    assert "claim-80" in page.ids
    assert "claim-71" not in page.ids
    assert re.search(r"not run Learning rate of Adam", page.words)


def test_own_study_has_a_page_without_the_report() -> None:
    results = small_study().run(TRAIN, TEST, verbose=False)
    page = Page(render([results]))
    assert "Three arms with two seeds each." in page.words
    assert "all others" not in page.words
    assert not [name for name in page.ids if name.startswith("claim")]
    assert "report" not in page.words.replace("lamella report", "")


def test_the_page_of_one_study_begins_with_its_answer() -> None:
    results = small_study(seeds=3, question="Which rate?").run(TRAIN, TEST, verbose=False)
    results.compare(measure="test_loss")
    text = render([results])
    words = Page(text).words
    (first, *_) = answer(results, declared(results))
    assert words.startswith(f"small Dark small Which rate? {first}")
    parts = ["answer", "drawings", "results", "ledger", "facts", "reading", "colophon"]
    places = [re.search(f'(class|id)="[^"]*{part}', text).start() for part in parts]  # type: ignore[union-attr]
    assert places == sorted(places)
    assert "Ledger: 3 arms, 3 seeds, 1 look, 2 comparisons read (test loss)." in words
    assert "p is corrected for 2 comparisons (Holm)." in words
    assert "claim" not in words


def test_own_studies_come_first_and_claims_only_if_asked() -> None:
    results = small_study(seeds=2).run(TRAIN, TEST, verbose=False)
    both = [results_of("depth"), results]
    plain, judged = (Page(render(both, claims)) for claims in (None, True))
    assert [name for name in plain.ids if name.startswith("study")] == [
        "study-small",
        "study-depth",
    ]
    assert "claim-80" not in plain.ids
    assert "claim-80" in judged.ids
    assert judged.ids.index("study-small") < judged.ids.index("glance")
    assert "claim-80" in Page(render([results_of("depth")])).ids
    assert "claim-80" not in Page(render([results_of("depth")], claims=False)).ids


def test_pages_say_how_many_verdicts_are_expected_to_be_wrong(whole: str) -> None:
    decided = r'<li class="(?:holds|does-not-hold|no-difference)"><b>(\d+)</b>'
    verdicts = sum(map(int, re.findall(decided, whole)))
    words = Page(whole).words
    assert (
        f"Of the {verdicts} statements that are decided, at most {math.ceil(verdicts / 20)}"
        in words
    )
    several = Page(render([results_of("depth"), results_of("width")], claims=False)).words
    assert "of the page, such that at most 5% of them are expected to be wrong" in several


def test_warped_axes_say_so(whole: str) -> None:
    assert "axis logarithmic in the error" in whole


def test_other_study_with_the_name_of_a_bundled_one_is_not_judged() -> None:
    results = small_called("depth").run(TRAIN, TEST, verbose=False)
    assert not [name for name in Page(render([results])).ids if name.startswith("claim")]


def test_names_cannot_break_the_page() -> None:
    arms = {"<i>&": {"optimizer.lr": 1e-3}, "</script>": {"optimizer.lr": 1e-2}}
    study = small_study(arms=arms, seeds=1, title="<h1>", question="a < b?")
    page = Page(render([study.run(TRAIN, TEST, verbose=False)]))
    for text in ("<i>&", "</script>", "<h1>", "a < b?"):
        assert text in page.words


def test_one_seed_gets_no_interval_and_no_verdict() -> None:
    words = Page(render([some_seeds(results_of("depth"), [0])])).words
    assert "±" not in words.split("Depth")[-1]
    assert "no verdict" in words
    assert "One seed allows no conclusion" in words.split("Overview of verdicts")[0]
    assert "Of the undecided statements, 6 depend on a study with one seed" in words
    assert "1 of 10 seeds. One seed allows no conclusion." in words
    assert words.count("hold. One seed allows no conclusion.") == 3


def test_report_of_results_is_a_page_that_opens(tmp_path: Path) -> None:
    path = small_study().run(TRAIN, TEST, verbose=False).report(tmp_path / "page.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert all(link[1:] in page.ids for link in page.links if link != "data:,")
    assert not re.findall(r"https?:|@import|url\(", path.read_text(encoding="utf-8"))
    assert list(tmp_path.iterdir()) == [path]


def test_dark_and_light_can_be_chosen_and_printing_is_light(whole: str) -> None:
    assert "color-scheme: light dark" in whole
    assert ':root[data-theme="dark"] { color-scheme: dark; }' in whole
    assert re.search(r"@media print \{\s+:root, :root\[data-theme\] \{ color-scheme: light", whole)


def test_page_without_runs_is_refused(tmp_path: Path) -> None:
    empty = Results(results_of("depth").study, [])
    with pytest.raises(DataError, match="no run is finished yet"):
        write_report(empty, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_runs_that_failed_before_the_first_epoch_are_listed() -> None:
    failed = changed(
        results_of("depth"),
        lambda run: (
            {"status": "failed", "reason": "no memory", "epochs": [], "scores": {}}
            | {"steps_per_epoch": 0, "step_losses": run.step_losses[:0]}
            if run.arm == "[100, 70]"
            else {}
        ),
    )
    words = Page(render([failed])).words
    assert re.search(r"\[100, 70\], seeds 0, 1[\d, ]*, failed: no memory", words)


def test_folder_of_studies_is_read_and_one_of_nothing_is_refused(tmp_path: Path) -> None:
    for name in ("b", "a"):
        small_called(name, seeds=1).run(TRAIN, TEST, out=tmp_path / name, verbose=False)
    assert [each.study.name for each in read_all(tmp_path)] == ["a", "b"]
    assert [each.study.name for each in read_all(tmp_path / "a")] == ["a"]
    with pytest.raises(UsageError, match="holds no study"):
        read_all(tmp_path / "a" / "runs")
    with pytest.raises(UsageError, match="there is no folder"):
        read_all(tmp_path / "c")


def test_a_page_of_ones_own_data_speaks_of_those() -> None:
    words = Page(render([small_study(seeds=1).run(TRAIN, TEST, verbose=False)])).words
    assert "one test set of 90 samples, on which the standard error of an accuracy of" in words
    assert "10,000" not in words
    assert "image" not in words
    assert "6 – 5 – 3" in words


def test_the_standard_error_is_that_of_the_usual_accuracy() -> None:
    results = results_of("depth")
    error = 100 * (0.9704 * 0.0296 / 10_000) ** 0.5
    assert f"is about {error:.2g} points" in Page(render([results])).words


def test_a_bundled_study_on_other_data_is_not_the_reports() -> None:
    data = {"train": "a", "test": "b", "inputs": 784, "tested": 10_000}
    other = changed(results_of("depth"), lambda run: {"config": {**run.config, "data": data}})
    assert "The MNIST report, reproduced" in Page(render([results_of("depth")])).words
    assert "The MNIST report, reproduced" not in Page(render([other])).words


def test_a_run_of_several_studies_counts_once() -> None:
    one, two = results_of("depth"), results_of("width")
    runs = [run for each in (one, two) for run in each.runs]
    distinct = len({run.key for run in runs})
    words = Page(render([one, two])).words
    assert f"{len(runs)} runs, of which {distinct} are distinct, in 2 studies" in words
    assert f"{2 * distinct} seconds of training" in words  # each took 2


def test_runs_of_an_archive_make_the_page_of_the_folder() -> None:
    whole = results_of("depth")
    kept = Results(whole.study, [archived(run) for run in whole.runs])
    assert Page(render([kept])).words == Page(render([whole])).words


def test_the_page_has_the_notes_of_the_comparison() -> None:
    results = small_study(vary=["init"], seeds=3).run(TRAIN, TEST, verbose=False)
    results.study.looks = {"planned": [], "past": [2]}
    words = Page(render([results])).words
    assert "Only initial weights vary with the seed" in words
    assert "The study was looked at after 2 and 3 seeds" in words


def test_one_seed_is_said_once() -> None:
    words = Page(render([small_study(seeds=1).run(TRAIN, TEST, verbose=False)])).words
    assert "One seed allows no verdict" in words
    assert "One seed allows no conclusion" not in words


def test_the_page_has_the_tables_of_tuning_and_of_sources() -> None:
    tuned = small_study(tune={"optimizer.lr": [1e-3, 3e-2]}, arms={"a": {}, "b": {"epochs": 2}})
    words = Page(render([tuned.run(TRAIN, TEST, verbose=False)])).words
    assert "Tuning: 2 trials of each arm" in words
    assert "choice of a choice of b" in words
    spread = small_study(seeds=3).sources("fast").run(TRAIN, TEST, verbose=False)
    words = Page(render([spread])).words
    assert "Over seeds, the test accuracy has a standard deviation of" in words
    assert "Spread of test accuracy, by source" in words
