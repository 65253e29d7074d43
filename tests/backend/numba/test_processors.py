"""Other processors: the same bits with narrower vectors, and numpy's products without fma."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

from lamella.backend.numba import gemm_kernel as tile
from lamella.backend.numba.registers import FEATURES, TRIPLE
from tests.subprocesses import run_python

if not (TRIPLE.startswith("x86_64") and {"+avx2", "+fma"} <= FEATURES):
    pytest.skip(
        "the emulated processors have a subset of the features of an x86 with AVX2",
        allow_module_level=True,
    )

OLD = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16"
HASWELL = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": OLD + ",+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe",
}
NEHALEM = {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": OLD}
# The code for ARM, on this processor.
_folders = [str(Path(__file__).parent / "as_arm"), os.environ.get("PYTHONPATH", "")]
ARM = {"PYTHONPATH": os.pathsep.join(filter(None, _folders))}


def run(script: str, environment: dict[str, str]) -> Any:
    """Return the JSON that a script prints in a separate process."""
    return json.loads(run_python("-c", script, environment=environment).stdout)


MULTIPLY = """
import hashlib, json
import numpy as np
from lamella.backend.numba import gemm_kernel as tile
from lamella.backend.numba.registers import FEATURES, TRIPLE
from lamella.backend.numba import gemm
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.sparsity import LIST_BYTES
rng = np.random.default_rng(0)
digests, listed = [], 0
for rows, depth, columns in [(1, 200, 50), (7, 121, 9), (9, 5, 3), (33, 130, 70), (70, 300, 150)]:
    for dtype in ("f4", "f8"):
        for zeros in (0, 0.8):
            x = rng.standard_normal((rows, depth)).astype(dtype)
            x[:, rng.random(depth) < zeros] = 0
            y = rng.standard_normal((depth, columns)).astype(dtype)
            bias, out = y[0].copy(), np.empty((rows, columns), dtype)
            for a in (x, np.asfortranarray(x)):
                for b in (y, np.asfortranarray(y)):
                    dot(a, b, out, bias)
                    listed += bool(gemm.job.words[LIST_BYTES])
                    digests.append(hashlib.sha256(out.tobytes()).hexdigest())
print(json.dumps([tile.VECTOR, listed, digests]))
"""


@pytest.mark.slow
def test_products_have_the_same_bits_for_other_vector_widths(tmp_path: Path) -> None:
    vector, listed, digests = run(MULTIPLY, {})
    assert vector == tile.VECTOR
    assert listed > 0
    assert len(set(digests)) == 5 * 2 * 2  # the memory order of the factors does not matter
    narrow = run(MULTIPLY, {**HASWELL, "NUMBA_CACHE_DIR": str(tmp_path)})
    assert narrow == [32, listed, digests]
    assert run(MULTIPLY, {**ARM, "NUMBA_CACHE_DIR": str(tmp_path)}) == [16, listed, digests]


CLIP = """
import hashlib, json
import numpy as np
import lamella as lm
from threadpoolctl import threadpool_info
rng = np.random.default_rng(0)
x, y = rng.standard_normal((64, 100)).astype("f4"), rng.integers(0, 10, 64)
model = lm.MLP([300], seed=5, optimizer=lm.SGD(0.1, clip_norm=0.1), backend="numpy")
history = model.fit(x, y, epochs=5, batch_size=2, verbose=False, check=False)
digest = hashlib.sha256(model.store.values.tobytes()).hexdigest(), history["loss"]
kernels = [pool.get("architecture") for pool in threadpool_info() if pool["user_api"] == "blas"]
print(json.dumps([digest, kernels]))
"""


@pytest.mark.slow
def test_clipped_steps_have_the_same_bits_for_other_processors(tmp_path: Path) -> None:
    """Norms and mean losses are no dot products of the BLAS, whose kernels sum in other orders."""
    digest, kernels = run(CLIP, {})
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    other, others = run(CLIP, {**HASWELL, **cache, "OPENBLAS_CORETYPE": "Haswell"})
    if others == kernels:
        pytest.skip("this numpy uses a BLAS that has one kernel only")
    assert other == digest


TRAIN = """
import json
import numpy as np
import lamella as lm
from lamella.backend import numba as compiled
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (300, 12, 12)).astype("u1")
y = (x[:, :6].mean((1, 2)) > x[:, 6:].mean((1, 2))).astype(int)
model = lm.MLP([400, 200], classes=2, seed=5, optimizer=lm.Adam(1e-3), backend="numpy",
               dtype="float64")
model.fit(x, y, epochs=3, verbose=False)
print(json.dumps([compiled.is_available(), compiled.has_products(), model.history["loss"]]))
"""


@pytest.mark.slow
def test_training_has_the_same_bits_with_the_code_for_arm(tmp_path: Path) -> None:
    assert run(TRAIN, {**ARM, "NUMBA_CACHE_DIR": str(tmp_path)}) == run(TRAIN, {})


@pytest.mark.slow
def test_training_works_on_a_processor_without_fused_steps(tmp_path: Path) -> None:
    *natively, expected = run(TRAIN, {})
    assert natively == [True, True]
    has_loops, has_products, losses = run(TRAIN, {**NEHALEM, "NUMBA_CACHE_DIR": str(tmp_path)})
    assert has_loops
    assert not has_products
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_training_without_a_compiler_is_that_of_numpy() -> None:
    *_, expected = run(TRAIN, {})
    has_loops, has_products, losses = run(TRAIN, {"NUMBA_DISABLE_JIT": "1"})
    assert (has_loops, has_products) == (False, False)
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
