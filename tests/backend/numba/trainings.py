"""Trainings in processes of their own, with a cache of their own."""

from pathlib import Path

import numpy as np

from tests.subprocesses import run_python

TRAIN = """
import sys
import weakref
if {plain}:
    sys.modules["numba"] = None
import numpy as np
import lamella as lm
from lamella.backend import numba as compiled
assert compiled.is_available() is not {plain}
rng = np.random.default_rng(0)
x, y = rng.standard_normal((300, 20)).astype("f4"), rng.integers(0, 4, 300)
model = lm.MLP([32, 16], classes=4, l2=1e-3, seed=5, optimizer=lm.{optimizer}, backend="numpy",
               dtype="float64")
model.fit(x, y, epochs=3, verbose=False)
print(model.built().values.tobytes().hex())
"""


def trained(optimizer: str, cache: Path, *, plain: bool) -> np.ndarray:
    script = TRAIN.format(plain=plain, optimizer=optimizer)
    done = run_python("-c", script, environment={"XDG_CACHE_HOME": str(cache)})
    return np.frombuffer(bytes.fromhex(done.stdout))
