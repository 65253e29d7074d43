"""Compare every export of one network with the network itself, on MNIST's 10,000 test images.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.exports     # needs onnx, onnxruntime, gcc, node

The network is that of `lamella train`, 784-256-30-10, trained for an epoch. The columns are the
size of the exported file, the largest difference of a probability, the number of images with
another class, and the processor's time for a prediction of one image (median of rounds).
"""

import importlib.util
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm

ROUNDS, IMAGES = 9, 200  # of a prediction each
C = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
void m_predict_uint8(const unsigned char *pixels, float *y);
static unsigned char x[10000][784];
static float y[10000][10];
static int order(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}
int main(void)
{
    double times[9];
    if (fread(x, 1, sizeof x, stdin) != sizeof x) return 1;
    for (int round = 0; round < 9; round++) {
        clock_t begun = clock();
        for (int i = 0; i < 10000; i++) m_predict_uint8(x[i], y[i]);
        times[round] = (double)(clock() - begun) / CLOCKS_PER_SEC / 10000;
    }
    qsort(times, 9, sizeof *times, order);
    fprintf(stderr, "%g", times[4]);
    return fwrite(y, 1, sizeof y, stdout) != sizeof y;
}
"""
JAVASCRIPT = """
const model = require("./m.js"), x = require("fs").readFileSync(0);
const y = new Float32Array(100000), times = [];
for (let round = 0; round < 9; round++) {
    const begun = process.cpuUsage();
    for (let i = 0; i < 1000; i++) model.predict(x.subarray(784 * i, 784 * i + 784));
    const used = process.cpuUsage(begun);
    times.push((used.user + used.system) / 1e9);
}
for (let i = 0; i < 10000; i++) y.set(model.predict(x.subarray(784 * i, 784 * i + 784)), 10 * i);
console.error(times.sort((a, b) => a - b)[4]);
process.stdout.write(Buffer.from(y.buffer));
"""


def timed(predict: Callable[[np.ndarray], Any], x: np.ndarray) -> float:
    """Return the seconds of a prediction of one image."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for i in range(IMAGES):
            predict(x[i : i + 1])
        times.append((time.process_time() - begun) / IMAGES)
    return statistics.median(times)


def by_program(command: str, folder: Path, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the outputs of a program that reads images, and its seconds for one."""
    done = subprocess.run(
        command, shell=True, cwd=folder, input=x.tobytes(), capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, "float32").reshape(-1, 10), float(done.stderr)


def main() -> None:
    train, test = lm.datasets.mnist()
    model = lm.MLP([256, 30], seed=2023, backend="numpy")
    model.fit(train.x, train.y, epochs=1, verbose=False)
    wanted = model.predict_proba(test.x)
    folder = Path(tempfile.mkdtemp())
    print(f"{'':<24}{'size':>12}{'difference':>12}{'classes':>9}{'one image':>12}")

    def show(name: str, file: str, found: np.ndarray, seconds: float) -> None:
        size = f"{(folder / file).stat().st_size / 1e6:.2f} MB" if file else ""
        worst, classes = abs(found - wanted).max(), (found.argmax(1) != wanted.argmax(1)).sum()
        print(f"{name:<24}{size:>12}{worst:>12.1e}{classes:>9}{1e6 * seconds:>9.0f} us")

    model.save(folder / "m.safetensors")
    show("lamella", "m.safetensors", wanted, timed(model.predict_proba, test.x))
    lm.export(model, folder / "m.py")
    spec = importlib.util.spec_from_file_location("m", folder / "m.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    show("numpy", "m.py", module.predict(test.x), timed(module.predict, test.x))
    lm.export(model, folder / "m.c")
    (folder / "main.c").write_text(C)
    flags = "-std=c99 -Wall -Wextra -Werror -pedantic -O2"
    try:
        command = f"gcc {flags} m.c main.c -lm -o m && ./m"
        show("C, gcc -O2", "m.c", *by_program(command, folder, test.x))
    except subprocess.CalledProcessError as error:
        print(f"C: {error.stderr.decode()[:200]}")
    lm.export(model, folder / "m.js")
    try:
        show("node", "m.js", *by_program(f"node -e '{JAVASCRIPT}'", folder, test.x))
    except subprocess.CalledProcessError as error:
        print(f"node: {error.stderr.decode()[:200]}")
    lm.export_onnx(model, folder / "m.onnx")
    for name, make in (("onnx's evaluator", reference), ("onnxruntime", runtime)):
        try:
            predict = make(str(folder / "m.onnx"))
        except ImportError as error:
            print(f"{name}: {error}")
            continue
        show(name, "m.onnx", predict(test.x), timed(predict, test.x))


def reference(file: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the prediction by onnx's own evaluator."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(file)
    return lambda x: evaluator.run(None, {"x": x})[0]


def runtime(file: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the prediction by onnxruntime, with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options)
    return lambda x: session.run(None, {"x": x})[0]


if __name__ == "__main__":
    main()
