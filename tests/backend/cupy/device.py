"""The devices that run CUDA here: a GPU, and the stand-in with g++."""

import pytest

on_devices = pytest.mark.parametrize(
    "backend", ["strict", pytest.param("cupy", marks=pytest.mark.gpu)], indirect=True
)
