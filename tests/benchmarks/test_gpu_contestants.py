"""Contestants of the benchmark on a GPU, on the CPU: they do the same work as lamella on numpy."""

from collections.abc import Callable

import pytest

from benchmarks.gpu.race import environment
from benchmarks.gpu.worker import MAKERS
from benchmarks.peers.contestant import Contestant, Material
from benchmarks.peers.tasks import LEARNING_RATES, Task
from benchmarks.peers.with_numpy import Numpy
from lamella.testing.strict_cupy.raw_kernels import compiler_problem
from tests.benchmarks.test_contestants import SAMPLES, material, trained

needs_compiler = pytest.mark.skipif(bool(compiler_problem()), reason=compiler_problem() or "-")


def expect_losses_of_numpy(way: Callable[[Material], Contestant], task: Task) -> None:
    """Compare losses and classes after an epoch with a shorter last batch."""
    expected = trained(Numpy(material(task)), task)
    contestant = trained(way(material(task)), task)
    assert contestant.loss(SAMPLES) == pytest.approx(expected.loss(SAMPLES), rel=1e-4)
    assert list(contestant.predict(SAMPLES)) == list(expected.predict(SAMPLES))


@needs_compiler
@pytest.mark.parametrize("name", ["lamella", "lamella eager"])
def test_lamella_trains_on_arrays_of_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMELLA_CAPTURE", "1")  # restored after the test, too
    expect_losses_of_numpy(MAKERS[name](), Task((784, 12, 10), 24))


@pytest.mark.slow
@pytest.mark.parametrize("rule", LEARNING_RATES)
def test_pytorchs_steps_are_those_of_numpy(rule: str) -> None:
    pytest.importorskip("torch")
    expect_losses_of_numpy(MAKERS["PyTorch"](), Task((784, 12, 10), 24, rule))


@pytest.mark.slow
@pytest.mark.parametrize("rule", LEARNING_RATES)
def test_graphs_of_pytorch_do_not_train_while_they_are_captured(rule: str) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.gpu.with_torch import WARM_UP, TorchGraph
    from benchmarks.peers.with_torch import Torch

    class NotCaptured(TorchGraph):
        """A "graph" that repeats the step from Python."""

        def __init__(self, material: Material) -> None:
            Torch.__init__(self, material, fused=True)
            self.graphs = {}

        def capture(self, inputs):
            loss = torch.zeros(())

            def replay() -> None:
                loss.copy_(Torch.step(self, inputs))

            for _ in range(WARM_UP):
                replay()
            return replay, loss

    task = Task((784, 12, 10), 24, rule)
    expect_losses_of_numpy(NotCaptured, task)
    contestant = trained(NotCaptured(material(task)), task)
    assert list(contestant.graphs) == [24, SAMPLES % 24]


@pytest.mark.slow
def test_graph_of_pytorch_takes_no_part_without_a_gpu() -> None:
    pytest.importorskip("torch")
    with pytest.raises(SystemExit, match="a CUDA graph needs a GPU"):
        MAKERS["PyTorch graph"]()(material(Task((784, 10), 16)))


@pytest.mark.slow
def test_jax_trains_on_its_default_device() -> None:
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    expect_losses_of_numpy(MAKERS["JAX"](), Task((784, 12, 10), 24))


def test_products_of_all_contestants_are_exact_unless_asked() -> None:
    exact, rounded = environment("gpu", tf32=False), environment("gpu", tf32=True)
    assert exact["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"
    assert exact["NVIDIA_TF32_OVERRIDE"] == "0"
    assert "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE" not in exact
    assert "NVIDIA_TF32_OVERRIDE" not in rounded
    assert rounded["TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"] == "1"


def test_jax_must_not_fall_back_to_the_processor() -> None:
    assert environment("gpu", tf32=False)["JAX_PLATFORMS"] == "cuda"
    assert environment("cpu", tf32=False)["JAX_PLATFORMS"] == "cpu"
