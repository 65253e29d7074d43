"""Checks that need a GPU find wrong numbers, and steps that are not captured."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu.checks import foundations, products, safety, training
from benchmarks.gpu.checks.bench import Bench, WrongError, capture, fit, plain
from benchmarks.gpu.checks.graphs import recorded_graphs
from lamella.backend.cupy import graphs
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.random import HostNoise
from lamella.testing.strict_cupy.raw_kernels import compiler_problem
from tests.subprocesses import run_python

pytestmark = pytest.mark.skipif(bool(compiler_problem()), reason=compiler_problem() or "-")


@pytest.fixture
def bench() -> Bench:
    return Bench("cpu")


def test_other_random_numbers_are_wrong(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundations, "HostNoise", lambda key: HostNoise(key + 1))
    with pytest.raises(AssertionError, match=r"uniform of 1 f4 numbers, draw 0"):
        foundations.random_numbers(bench)


@pytest.mark.slow
def test_other_weights_are_wrong(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TOLERANCES", {"float32": (0.0, 1e-12)})
    with pytest.raises(WrongError, match="plain, float32"):
        training.eager(bench)


@pytest.mark.slow
def test_a_step_that_is_not_captured_is_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("no graphs today")

    monkeypatch.setattr(graphs, "capture", refuse)
    monkeypatch.setattr(training, "NETWORKS", {"plain": plain})
    with pytest.raises(WrongError, match=r"is not captured: .*no graphs today"):
        training.captured(bench)


@pytest.mark.slow
def test_other_bits_of_captured_steps_are_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_one(nodes: Any) -> Any:
        return [node for node in nodes if node.functions[0].name != "sum_rows"]

    monkeypatch.setattr(graphs, "join", forget_one)
    monkeypatch.setattr(training, "NETWORKS", {"plain": plain})
    with pytest.raises(WrongError, match="plain, captured and joined: other bits in "):
        training.captured(bench)


def test_products_rounded_to_tf32_are_wrong(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUPY_TF32", "1")
    with pytest.raises(WrongError, match="float32 products are off by "):
        products.large_products(bench)


def test_large_products_outside_of_a_graph_are_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GraphBackend, "capture_problem", lambda self: "no graphs today")
    with pytest.raises(WrongError, match=r"wide step is not captured: .*no graphs today"):
        products.large_products(bench)


def test_work_that_a_capture_takes_is_no_refusal(bench: Bench) -> None:
    stream = bench.backend.xp.cuda.Stream(non_blocking=True)
    assert safety.refusal(stream, lambda stream: None) == ""
    assert safety.refusal(stream, lambda stream: stream.synchronize()).startswith("CUDARuntime")


def test_graphs_are_recorded_with_the_names_of_their_nodes(bench: Bench) -> None:
    with capture(True), recorded_graphs(joined=False) as single:
        fit(bench, plain(bench, bench.backend), 4)
    with capture(True), recorded_graphs() as joined:
        fit(bench, plain(bench, bench.backend), 4)
    assert "product" in single[0].names
    assert len(joined[0].names) == len(joined[0].launches) < len(single[0].names)


@pytest.mark.slow
def test_comparison_runs_without_a_gpu(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    arguments = ("--device", "cpu", "--contestants", "lamella", "lamella eager", "PyTorch graph")
    done = run_python("-m", "benchmarks.gpu", *arguments, "--rounds", 1, "--out", out)
    (result,) = json.loads(out.read_text())["results"]
    assert list(result["contestants"]) == ["lamella", "lamella eager"]
    assert result["differences"] == []
    assert "LAMELLA_CAPTURE is 0" in result["contestants"]["lamella eager"]["remark"]
    assert "PyTorch graph takes no part: " in done.stdout
