"""Comparisons that were read: what counts, and the file that keeps them."""

import json
import os
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from lamella.studies.analysis.reads import Read, Reads, family_of
from tests.subprocesses import run_python

ARMS = ("base", "a", "b", "c")
TO_BASE, TO_A, LOSS = Read("acc", "base", ARMS), Read("acc", "a", ARMS), Read("loss", "base", ARMS)


def test_comparisons_to_the_baseline_count_as_read() -> None:
    assert len(family_of([TO_BASE], "base")) == 3
    assert len(family_of([TO_BASE, TO_BASE, LOSS], "base")) == 6


def test_another_arm_for_to_counts_all_pairs_that_it_could_be() -> None:
    assert len(family_of([TO_A], "base")) == 6
    assert (
        len(family_of([TO_BASE, TO_A, Read("acc", "b", ARMS), Read("acc", "all", ARMS)], "base"))
        == 6
    )


def test_the_order_of_reading_does_not_matter() -> None:
    found = {frozenset(family_of(reads, "base")) for reads in permutations([TO_BASE, TO_A, LOSS])}
    assert len(found) == 1


def test_an_arm_called_all_is_an_arm() -> None:
    assert Read("acc", "all", ("all", "a", "b")).pairs == [("a", "all"), ("b", "all")]
    assert len(Read("acc", "all", ARMS).pairs) == 6


def test_margins_add_no_tests() -> None:
    assert len(family_of([TO_BASE, Read("acc", "base", ARMS, 0.01)], "base")) == 3


def test_another_object_on_the_same_folder_knows_them(tmp_path: Path) -> None:
    Reads(tmp_path).add(TO_BASE)
    Reads(tmp_path).add(TO_BASE)
    Reads(tmp_path).add(LOSS)
    assert list(Reads(tmp_path)) == [TO_BASE, LOSS]
    assert len((tmp_path / "reads.jsonl").read_text().splitlines()) == 2


def test_lines_that_lamella_did_not_write_are_skipped(tmp_path: Path) -> None:
    Reads(tmp_path).add(TO_BASE)
    with (tmp_path / "reads.jsonl").open("a") as file:
        file.write('{"measure": 1, "to": "a", "arms": []}\n[]\nnot json\n{"to": "a"}\n')
        file.write('{"measure": "acc", "to": "a", "arms": ["a"], "margin": "x"}\n{"measure": "ac')
    assert list(Reads(tmp_path)) == [TO_BASE]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path / "pipe", tmp_path / "folder"):
        if folder.name == "pipe":
            folder.mkdir()
            os.mkfifo(folder / "reads.jsonl")
        elif folder.name == "folder":
            (folder / "reads.jsonl").mkdir(parents=True)
        reads = Reads(folder)
        reads.add(TO_BASE)
        assert list(reads) == [TO_BASE]


def test_a_read_only_file_is_no_error(tmp_path: Path) -> None:
    Reads(tmp_path).add(TO_BASE)
    (tmp_path / "reads.jsonl").chmod(0o444)
    reads = Reads(tmp_path)
    reads.add(LOSS)
    assert list(reads) == [TO_BASE, LOSS]
    assert list(Reads(tmp_path)) == [TO_BASE]


ADD = """
import sys
from pathlib import Path
from typing import Any
from lamella.studies.analysis.reads import Read, Reads
for number in range(50):
    Reads(Path(sys.argv[1])).add(Read(f"{sys.argv[2]}-{number}", "0", (*map(str, range(80)),)))
"""


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: run_python("-c", ADD, str(tmp_path), name), "xyz"))
    reads = Reads(tmp_path)
    assert len({read.measure for read in reads}) == 150
    assert reads.unreadable == 0


def test_an_empty_line_is_not_damage(tmp_path: Path) -> None:
    Reads(tmp_path).add(TO_BASE)
    with open(tmp_path / "reads.jsonl", "a") as file:
        file.write("\n")
    assert list(Reads(tmp_path)) == [TO_BASE]
    assert Reads(tmp_path).unreadable == 0


def test_a_line_that_is_cut_off_does_not_swallow_the_next(tmp_path: Path) -> None:
    (tmp_path / "reads.jsonl").write_text('{"measure": "ac')
    reads = Reads(tmp_path)
    reads.add(TO_BASE)
    assert list(Reads(tmp_path)) == [TO_BASE]
    assert reads.unreadable == 1


@pytest.mark.parametrize(
    "change",
    [{"margin": -3.0}, {"margin": 0.0}, {"arms": ["a", "a"]}, {"arms": ["a"]}, {"to": "z"}],
)
def test_comparisons_that_cannot_have_been_made_are_skipped(change: dict[str, Any]) -> None:
    line = {"measure": "acc", "to": "a", "arms": ["a", "b"], "margin": 0.1}
    assert Read.of_line(json.dumps(line).encode()) is not None
    assert Read.of_line(json.dumps({**line, **change}).encode()) is None
