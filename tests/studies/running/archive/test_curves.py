"""bfloat16, against torch."""

import numpy as np
import pytest

from lamella.studies.running.archive.curves import from_bfloat16, to_bfloat16


def test_values_are_rounded_by_at_most_one_in_256() -> None:
    values = np.float32(10) ** np.linspace(-30, 30, 1000, dtype=np.float32)
    np.testing.assert_allclose(from_bfloat16(to_bfloat16(values)), values, rtol=1 / 256)


def test_special_values_stay() -> None:
    values = np.array([0, -0.0, -1.5, np.inf, -np.inf, np.nan], np.float32)
    negative = np.array([-1], np.int32).view(np.float32)  # the NaN whose bits are all ones
    values = np.concatenate([values, negative])
    np.testing.assert_array_equal(from_bfloat16(to_bfloat16(values)), values)


def test_bits_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    expected = torch.tensor(values).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(to_bfloat16(values), expected)
