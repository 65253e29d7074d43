"""GPU kernels compiled by g++, so that their text can be tested without a GPU."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

HEADER = """
#include <algorithm>
#include <cmath>
#define __device__
using namespace std;
"""


def compile_kernels(source: str, folder: Path) -> ctypes.CDLL:
    """Return a library made of C++ text; skips the test on machines without g++."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ here to compile the kernels' C text with")
    text, library = folder / "kernels.cpp", folder / "kernels.so"
    text.write_text(HEADER + source)
    flags = ["-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(text), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))
