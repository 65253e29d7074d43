"""Each task of kernels.cu gives what numpy gives, whatever the order of threads."""

import re
from pathlib import Path

import pytest

from lamella.backend import CupyBackend
from lamella.backend.cupy.kernels import KERNELS
from lamella.testing.strict_cupy.raw_kernels import thread_order
from tests.backend.cupy import kernel_checks
from tests.backend.cupy.bench import Bench
from tests.backend.cupy.device import on_devices


@on_devices
@pytest.mark.parametrize("order", kernel_checks.ORDERS)
@pytest.mark.parametrize("dtype", kernel_checks.DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("check", kernel_checks.CHECKS)
def test_tasks_give_the_results_of_numpy(
    check: str, dtype: type, order: int, backend: CupyBackend
) -> None:
    with thread_order(order):
        kernel_checks.CHECKS[check](Bench(backend, dtype))


def test_every_task_is_checked() -> None:
    tasks = set(re.findall(r"^TASK\((\w+)\)", KERNELS.read_text(), re.M))
    checked = set(re.findall(r'launch\("(\w+)"', Path(kernel_checks.__file__).read_text()))
    assert tasks == checked
