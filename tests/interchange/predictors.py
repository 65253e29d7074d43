"""Run exported files by the programs that they are made for; skip a test where one is missing."""

import json
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from tests.subprocesses import TIME_LIMIT

COMPILER, NODE = shutil.which("gcc"), shutil.which("node")
FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
MAIN = """
#include <stdio.h>
void m_predict(const REAL *x, REAL *y);
void m_predict_uint8(const unsigned char *x, REAL *y);
int main(void) {
    static TYPE x[IN];
    static REAL y[OUT];
    while (fread(x, sizeof *x, IN, stdin) == IN) {
        CALL(x, y);
        fwrite(y, sizeof *y, OUT, stdout);
    }
    return 0;
}
"""
SCRIPT = """
const model = require(process.argv[1]), kind = process.argv[2], size = +process.argv[3];
const bytes = require("fs").readFileSync(0);
const start = bytes.byteOffset, end = start + bytes.length;
const x = new globalThis[kind](bytes.buffer.slice(start, end));
const rows = [];
for (let i = 0; i < x.length; i += size) rows.push([...model.predict(x.subarray(i, i + size))]);
console.log(JSON.stringify({ rows, names: model.classNames }));
"""
ARRAYS = {"uint8": "Uint8Array", "float32": "Float32Array", "float64": "Float64Array"}


def by_numpy(folder: Path, model: lm.Sequential, x: np.ndarray, **options: Any) -> np.ndarray:
    lm.export(model, folder / "m.py", **options)
    predict = runpy.run_path(str(folder / "m.py"))["predict"]  # no cache of an earlier file
    return np.asarray(predict(x))


def by_c(folder: Path, model: lm.Sequential, x: np.ndarray, **options: Any) -> np.ndarray:
    if COMPILER is None:
        pytest.skip("gcc compiles the exported C, and is not installed")
    lm.export(model, folder / "m.c", **options)
    real, images = ("float" if model.dtype == np.float32 else "double"), x.dtype == np.uint8
    words = {
        "TYPE": "unsigned char" if images else real,
        "REAL": real,
        "CALL": "m_predict_uint8" if images else "m_predict",
        "IN": str(x[0].size),
        "OUT": str(int(np.prod(model.shapes[-1]))),
    }
    text = MAIN
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    (folder / "main.c").write_text(text)
    command = [COMPILER, *FLAGS, "m.c", "main.c", "-lm", "-o", "m"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stderr[:2000]
    run = subprocess.run([folder / "m"], input=x.tobytes(), capture_output=True, check=True)
    return np.frombuffer(run.stdout, model.dtype).reshape(len(x), *model.shapes[-1])


def by_javascript(folder: Path, model: lm.Sequential, x: np.ndarray, **options: Any) -> np.ndarray:
    if NODE is None:
        pytest.skip("node runs the exported JavaScript, and is not installed")
    lm.export(model, folder / "m.js", **options)
    command = [NODE, "-e", SCRIPT, folder / "m.js", ARRAYS[x.dtype.name], str(x[0].size)]
    run = subprocess.run(command, input=x.tobytes(), capture_output=True, timeout=TIME_LIMIT)
    assert run.returncode == 0, run.stderr[:2000]
    found = json.loads(run.stdout)
    assert found["names"] == (options.get("class_names") or found["names"])
    return np.array(found["rows"], model.dtype).reshape(len(x), *model.shapes[-1])


def by_onnx(folder: Path, model: lm.Sequential, x: np.ndarray, **options: Any) -> np.ndarray:
    """Return the results of onnx's own evaluator, and compare those of onnxruntime with them."""
    pytest.importorskip("onnx", reason="onnx writes and evaluates ONNX files")
    from onnx.reference import ReferenceEvaluator

    file = str(folder / "m.onnx")
    lm.export_onnx(model, file, uint8=x.dtype == np.uint8, **options)
    (found,) = ReferenceEvaluator(file).run(None, {"x": x})
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime runs ONNX files")
    session = runtime.InferenceSession(file)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], found, rtol=1e-5, atol=1e-5)
    return np.asarray(found)


PREDICTORS: dict[str, Callable[..., np.ndarray]] = {
    "numpy": by_numpy,
    "c": by_c,
    "js": by_javascript,
    "onnx": by_onnx,
}
