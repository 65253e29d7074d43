"""Limits of the norm of vectors."""

import numpy as np
import pytest

from lamella.backend.cupy.graph_backend import GraphBackend
from tests.backend.cupy.graphs import graph_backend


@pytest.fixture(params=["strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> GraphBackend:
    return graph_backend(request.param)


@pytest.mark.parametrize("size", [5, 1000, 70_000])
def test_limit_of_a_norm_is_that_of_numpy(backend: GraphBackend, size: int) -> None:
    vectors = [np.random.default_rng(i).standard_normal(size).astype("f4") for i in range(2)]
    on_device = [backend.asarray(vector) for vector in vectors]
    limit_norm = backend.bind_norm_limit(on_device)
    norm = np.sqrt(sum((vector.astype(float) ** 2).sum() for vector in vectors))
    limit_norm(2 * norm)
    np.testing.assert_allclose(backend.to_host(on_device[0]), vectors[0], 1e-4)
    limit_norm(norm / 2)
    for got, vector in zip(on_device, vectors, strict=True):
        np.testing.assert_allclose(backend.to_host(got), vector / 2, 1e-4)
    limit_norm(np.inf)
    np.testing.assert_allclose(backend.to_host(on_device[1]), vectors[1] / 2, 1e-4)
