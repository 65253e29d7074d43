"""lamella study: list, run and show, and errors in one line."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from lamella.studies import StudyFolder, load_study
from lamella.studies.definition import bundled
from tests.cli.conftest import Call
from tests.subprocesses import TIME_LIMIT, start_python, wait_until

pytestmark = pytest.mark.slow

pytest.importorskip("joblib", reason="joblib is not installed")
pytest.importorskip("scipy", reason="scipy is not installed")

TOML = """
name = "rates"
title = "Learning rates"
question = "Is a larger step better?"
seeds = 2

[base]
model = { class = "MLP", hidden = [8] }
epochs = 1
samples = 600

[arms.small]
optimizer.lr = 1e-3

[arms.large]
optimizer.lr = 1e-2
"""


TEST = np.zeros((2, 28, 28), np.uint8)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "rates.toml"
    path.write_text(TOML)
    return path


@pytest.fixture(scope="module")
def finished(command: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study run to its end; only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "rates.toml").write_text(TOML)
    done = command("study", "run", folder / "rates.toml", "--out", folder / "out", "--n-jobs", 2)
    assert done.status == 0, done.err
    (folder / "stdout").write_text(done.out)
    (folder / "stderr").write_text(done.err)
    return folder


def test_list_names_every_bundled_study_with_a_summary(call: Call) -> None:
    from lamella.studies.definition import bundled

    done = call("study", "list")
    assert done.status == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == bundled.names()
    assert all(
        bundled.summary(name) in line for name, line in zip(bundled.names(), lines, strict=True)
    )


def test_run_prints_question_size_and_results(finished: Path) -> None:
    said = (finished / "stdout").read_text()
    assert said.startswith("Learning rates: Is a larger step better?\n2 arms, 2 seeds\n")
    runs = StudyFolder(finished / "out").runs()
    means = {
        arm: sum(run.scores["test_accuracy"] for run in runs if run.arm == arm) / 2
        for arm in ("small", "large")
    }
    for arm, mean in means.items():
        assert re.search(rf"^{arm} .*{100 * mean:.2f}", said, re.MULTILINE), said
    assert said.endswith(f"in {finished / 'out'}\n")


def test_the_tables_stand_beside_the_results(finished: Path) -> None:
    table = (finished / "out" / "table.txt").read_text()
    assert table in (finished / "stdout").read_text()
    assert "small" in table


def test_the_reports_figures_stand_beside_the_results(finished: Path) -> None:
    pytest.importorskip("matplotlib")
    names = {f"rates_contrast_{end}.png" for end in ("train_loss", "train_scr", "test_scr")}
    assert {path.name for path in (finished / "out").glob("*.png")} == names


def test_a_study_is_varied_in_a_word(
    call: Call, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    plain = ["study", "run", toml, "--seeds", "2023,", "--n-jobs", 1, "--quiet"]
    assert call(*plain).status == 0
    done = call(*plain, "--set", "batch_size=300", "--set", "loss=L2", "--keep", "last")
    assert done.status == 0, done.err
    old, new = (StudyFolder(f"runs/rates{end}") for end in ("", "-batch_size=300-loss=L2"))
    assert old.study().seeds == new.study().seeds == [2023]
    experiment = new.runs()[0].config["experiment"]
    assert (experiment["batch_size"], experiment["loss"]["class"]) == (300, "MeanSquaredError")
    assert not {run.key for run in old.runs()} & {run.key for run in new.runs()}
    assert all(run.model().predict(TEST).shape == (2, 10) for run in new.runs())


def test_run_counts_its_runs(finished: Path) -> None:
    assert "rates: 4 of 4 runs" in (finished / "stderr").read_text()


def test_a_finished_study_is_printed_again_and_not_run(call: Call, finished: Path) -> None:
    done = call("study", "run", finished / "rates.toml", "--out", finished / "out")
    assert done.status == 0
    assert done.out == (finished / "stdout").read_text()
    assert done.err == ""


def test_show_prints_the_output_of_run(call: Call, finished: Path) -> None:
    done = call("study", "show", finished / "out")
    assert done.status == 0
    assert done.out.strip()
    assert done.out in (finished / "stdout").read_text()


def test_show_compares_to_another_arm(call: Call, finished: Path) -> None:
    to_small, to_large = (
        call("study", "show", finished / "out", "--to", arm).out for arm in ("small", "large")
    )
    assert to_small != to_large
    assert call("study", "show", finished / "out").out == to_small


def test_show_lists_missing_runs(call: Call, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    toml = finished / "rates.toml"
    done = call("study", "run", toml, "--out", out, "--seeds", 2, "--n-jobs", 1, "--quiet")
    assert done.status == 0, done.err
    folder = sorted((out / "runs").iterdir())[0]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    done = call("study", "show", out)
    assert done.status == 0
    assert "lamella: 1 run not finished yet" in done.err


def test_sizes_can_be_set(call: Call, toml: Path, tmp_path: Path) -> None:
    options = ["--seeds", 1, "--epochs", 2, "--n-jobs", 1, "--quiet"]
    done = call("study", "run", toml, "--out", tmp_path / "out", *options)
    assert done.status == 0, done.err
    assert done.out.splitlines()[1] == "2 arms, 1 seed; cut to 1 of 2 seeds"
    runs = StudyFolder(tmp_path / "out").runs()
    assert [(run.arm, run.seed, len(run.epochs)) for run in runs] == [
        ("small", 0, 2),
        ("large", 0, 2),
    ]


def test_most_adds_seeds_until_decided(call: Call, toml: Path, tmp_path: Path) -> None:
    done = call("study", "run", toml, "--out", tmp_path / "out", "--most", "4", "--quiet")
    assert (done.status, done.err) == (0, "")
    assert "of at most 4 seeds: p and intervals hold for all looks together" in done.out
    table = json.loads((tmp_path / "out" / "study.json").read_text())
    assert table["looks"]["planned"] == [3, 4]
    assert len(table["seeds"]) in (3, 4)


def test_quick_keeps_the_seeds_that_are_given(call: Call, toml: Path, tmp_path: Path) -> None:
    options = ["--quick", "--seeds", "3,2023,7", "--n-jobs", 1, "--quiet"]
    done = call("study", "run", toml, "--out", tmp_path / "out", *options)
    assert done.status == 0, done.err
    assert StudyFolder(tmp_path / "out").study().seeds == [3, 2023, 7]


def test_quick_lists_its_reductions(call: Call, toml: Path, tmp_path: Path) -> None:
    toml.write_text(TOML.replace("seeds = 2", "seeds = 3").replace("epochs = 1", "epochs = 4"))
    out = tmp_path / "out"
    done = call("study", "run", toml, "--out", out, "--quick", "--n-jobs", 1, "--quiet")
    assert done.status == 0, done.err
    assert done.out.splitlines()[1] == "2 arms, 2 seeds; cut to 2 of 3 seeds, 3 of 4 epochs"
    assert StudyFolder(out).study().cut == "2 of 3 seeds, 3 of 4 epochs"


def test_several_studies_have_a_folder_each(call: Call, toml: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(TOML.replace('name = "rates"', 'name = "again"'))
    options = ["--seeds", 1, "--n-jobs", 1, "--quiet"]
    done = call("study", "run", toml, other, "--out", tmp_path / "both", *options)
    assert done.status == 0, done.err
    for name in ("rates", "again"):
        assert f"in {tmp_path}/both/{name}\n" in done.out
        assert len(StudyFolder(tmp_path / "both" / name).runs()) == 2


def test_nothing_is_run_if_one_of_several_studies_is_unknown(
    call: Call, toml: Path, tmp_path: Path
) -> None:
    done = call("study", "run", toml, "optimisers", "--out", tmp_path / "out")
    assert done.status == 2
    assert "optimizers" in done.err
    assert not (tmp_path / "out").exists()


def test_all_are_the_bundled_studies(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "names", lambda: ["softmax-loss"])  # all of them take hours
    options = ["--quick", "--n-jobs", 1, "--quiet"]
    done = call("study", "run", "all", "--out", tmp_path / "one", *options)
    assert done.status == 0, done.err
    assert StudyFolder(tmp_path / "one").study().name == "softmax-loss"


def test_results_go_to_a_folder_named_after_the_study(
    call: Call, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    options = ["--seeds", 1, "--n-jobs", 1, "--quiet"]
    for extra, folder in (([], "rates"), (["--quick"], "rates-quick")):
        chosen = extra or options[:2]
        done = call("study", "run", toml, *chosen, *options[2:])
        assert done.status == 0, done.err
        assert done.out.endswith(f"in runs/{folder}\n")
        assert (toml.parent / "runs" / folder / "study.json").exists()


def test_a_failed_run_is_reported_with_status_1(call: Call, toml: Path, tmp_path: Path) -> None:
    toml.write_text(TOML + "[arms.impossible]\nmodel.classes = 2\n")
    options = ["--seeds", 1, "--n-jobs", 1, "--quiet"]
    done = call("study", "run", toml, "--out", tmp_path / "out", *options)
    assert done.status == 1
    assert "lamella: arm 'impossible', seed 0 failed: DataError: labels must be" in done.err
    assert len(StudyFolder(tmp_path / "out").runs()) == 3


def test_a_damaged_run_is_reported_in_one_line(call: Call, toml: Path, tmp_path: Path) -> None:
    options = ["--out", tmp_path / "out", "--seeds", 1, "--n-jobs", 1, "--quiet"]
    assert call("study", "run", toml, *options).status == 0
    first = sorted((tmp_path / "out" / "runs").iterdir())[0]
    (first / "losses.npy").write_bytes(b"")
    done = call("study", "run", toml, *options)
    assert done.status == 0
    assert re.fullmatch(r"lamella: .* is damaged and skipped; .*losses\.npy .*\n", done.err)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["run", "learning-rat"], "'learning-rat' is not known: did you mean 'learning-rate'?"),
        (["run", "missing.toml"], "missing.toml"),
        (["run", "rates.toml", "--seeds", 0], "seeds must be a whole number of at least 1, got 0"),
        (["run", "rates.toml", "--n-jobs", 0], "n_jobs"),
        (["run", "rates.toml", "--seeds", "3;4"], "write how many, such as 5, or which, such as"),
        (["run", "rates.toml", "--set", "epochs"], "write NAME=VALUE, such as optimizer.lr=1e-3"),
        (["run", "rates.toml", "--set", "epohs=3"], "did you mean 'epochs'?"),
        (["run", "rates.toml", "--set", "optimizer.lr=3"], "the arm 'small' sets optimizer itself"),
        (["show", "."], "holds no study, nor do the folders in it"),
        (["show"], "the following arguments are required: DIR"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_arguments_give_one_line_and_status_2(
    call: Call, toml: Path, args: list[object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    done = call("study", *args)
    assert done.status == 2
    assert text in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_arm_is_named(call: Call, finished: Path) -> None:
    done = call("study", "show", finished / "out", "--to", "smal")
    assert done.status == 2
    assert "did you mean 'small'?" in done.err


def test_results_of_other_settings_are_not_mixed_in(call: Call, finished: Path) -> None:
    done = call("study", "run", finished / "rates.toml", "--out", finished / "out", "--epochs", 3)
    assert done.status == 2
    assert "epochs is 1 there, 3 here" in done.err


def test_ctrl_c_reports_the_stored_runs_and_the_same_command_continues(
    command: Call, toml: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    toml.write_text(TOML.replace("seeds = 2", "seeds = 20"))
    argv = ["study", "run", str(toml), "--out", str(out), "--n-jobs", "2", "--quiet"]
    process = start_python("-m", "lamella", *argv, start_new_session=True)
    wait_until(lambda: len(list((out / "runs").glob("*"))) >= 2, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 130
    told = re.search(r"^lamella: interrupted\. (\d+) of 40 runs are done and stored", err, re.M)
    assert told, err
    assert "Traceback" not in err
    kept = {folder.name for folder in (out / "runs").iterdir()}
    # It may come when a run has been kept and not yet counted.
    assert int(told[1]) <= len(kept) <= int(told[1]) + 1
    assert command(*argv).status == 0
    assert kept < {folder.name for folder in (out / "runs").iterdir()}
    assert len(StudyFolder(out).runs()) == 2 * len(load_study(toml).seeds)


def test_show_prints_the_studies_of_an_archive(call: Call, finished: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.xz"
    assert call("study", "pack", finished / "out", "--out", archive).status == 0
    whole = call("study", "show", finished / "out").out
    done = call("study", "show", archive)
    assert done.status == 0
    assert done.out == whole
    assert call("study", "show", archive, "--study", "rates").out == done.out
    done = call("study", "show", archive, "--study", "ratse")
    assert (done.status, done.out) == (2, "")
    assert "did you mean 'rates'?" in done.err
    assert call("study", "show", finished / "out", "--study", "rates").out == whole


def test_show_prints_all_studies_of_a_folder(call: Call, finished: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(finished / "out", tmp_path / name)
    done = call("study", "show", tmp_path)
    assert done.out.count("rates: ") == 2
    assert call("study", "show", finished / "out").out in done.out


def test_an_archive_that_cannot_be_written_is_reported(
    call: Call, finished: Path, tmp_path: Path
) -> None:
    done = call("study", "pack", finished / "out", "--out", tmp_path / "missing" / "a.tar.xz")
    assert done.status == 2
    assert "cannot write" in done.err
