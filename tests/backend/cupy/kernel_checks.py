"""Checks of each task of kernels.cu.

python -m tests.backend.cupy.kernel_checks [--kernels FILE] [--flags=-fsanitize=undefined]

runs all of them on the CPU, in three orders of threads, for instance on changed kernels. It ends
with an error at the first wrong result.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

import lamella as lm
from lamella.backend import CupyBackend
from lamella.backend.cupy import kernels
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.random import HostNoise
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy import raw_kernels
from tests.backend.cupy import twins
from tests.backend.cupy.bench import Bench
from tests.subprocesses import run_python

ORDERS = (0, 1, 2)  # forwards, backwards, shuffled
DTYPES = (np.float32, np.float64)
# Rows and columns of the result, and terms: one tile, its edges, several tiles, several rounds.
SHAPES = (
    *((1, 1, 1), (16, 16, 16), (17, 15, 31), (64, 10, 30)),
    *((33, 30, 65), (5, 40, 200), (64, 30, 256)),
)
LENGTHS = (1, 255, 256, 257, 1000)


def check_products(bench: Bench) -> None:
    for M, N, K in SHAPES:
        for a_turned, b_turned in ((0, 0), (0, 1), (1, 0), (1, 1)):
            shape = f"{M}, {N}, {K}, {a_turned}, {b_turned}"
            a = bench.normal(K, M).T if a_turned else bench.normal(M, K)
            b = bench.normal(N, K).T if b_turned else bench.normal(K, N)
            bias, out, sums, alone = bench.normal(N), bench.out(M, N), bench.out(N), bench.out(N)
            on_device = [
                bench.array(x.T).T if x.base is not None else bench.array(x) for x in (a, b)
            ]
            factors = (*on_device, out, bench.array(bias), sums, M, N, K)
            strides = [stride // x.itemsize for x in (a, b) for stride in x.strides]
            tiles = -(-M // twins.TILE) * -(-N // twins.TILE)
            bench.launch("product", tiles * twins.THREADS, *factors, *strides)
            bench.expect(out, twins.product(a, b) + bias, shape)
            bench.expect(out, a.astype(float) @ b + bias, shape, rounding=200)
            bench.expect(sums, twins.sum_rows(b), shape)
            if not b_turned:
                bench.launch("sum_rows", N, None, on_device[1], None, None, alone, None, N, K)
                np.testing.assert_array_equal(
                    bench.backend.to_host(alone), bench.backend.to_host(sums)
                )


def check_a_product_without_bias_and_sums(bench: Bench) -> None:
    a, b, out = bench.normal(20, 70), bench.normal(70, 20), bench.out(20, 20)
    words = (bench.array(a), bench.array(b), out, None, None, 20, 20, 70, 70, 1, 20, 1)
    bench.launch("product", 4 * twins.THREADS, *words)
    bench.expect(out, twins.product(a, b), "20, 20, 70")


def check_picks(bench: Bench) -> None:
    images = bench.rng.integers(0, 256, (40, 61), dtype=np.uint8)
    order = bench.rng.permutation(40)
    for index in (order, np.arange(40)):
        for rows in (8, 3):  # a full batch, a short one
            words = bench.array(index) if index is order else None, bench.array(np.array([2], "i4"))
            expected = images[index[16 : 16 + rows]]
            out, scaled = bench.out(rows, 61, dtype=np.uint8), bench.out(rows, 61)
            on_device = bench.array(images)
            bench.launch("pick_rows", rows * 61, on_device, *words, out, 8, 61, rows)
            bench.launch("pick_scaled", rows * 61, on_device, *words, scaled, 8, 61, rows)
            np.testing.assert_array_equal(bench.backend.to_host(out), expected)
            bench.expect(scaled, expected.astype(bench.dtype) / bench.dtype.type(255), "scaled", 1)


def check_cross_entropy(bench: Bench) -> None:
    for N, K in ((1, 2), (300, 10), (257, 33)):
        z, labels = 5 * bench.normal(N, K), bench.rng.integers(0, K, N)
        d, losses = bench.out(N, K), bench.out(N)
        on_device = bench.array(z), bench.array(labels)
        bench.launch("cross_entropy_rows", N, *on_device, d, losses, N, K)
        wide, hot = z.astype(float), np.eye(K)[labels]
        bench.expect(d, twins.softmax(wide) - hot, f"d of {N}, {K}", 16)
        bench.expect(losses, -(hot * twins.log_softmax(wide)).sum(1), f"losses of {N}, {K}", 16)
    for label in (-1, 2, 2**40):  # no class: seen in the loss, and nothing else is written
        d, losses = bench.out(1, 2), bench.out(1)
        on_device = bench.array(bench.normal(1, 2)), bench.array(np.array([label]))
        bench.launch("cross_entropy_rows", 1, *on_device, d, losses, 1, 2)
        assert np.isnan(bench.backend.to_host(losses)[0])


def check_soft_cross_entropy(bench: Bench) -> None:
    for N, K in ((1, 2), (300, 10)):
        z, rows = 5 * bench.normal(N, K), bench.rng.uniform(0, 1, (N, K)).astype(bench.dtype)
        z[0, 1], rows[0, 1] = -np.inf, 0  # a class that cannot be, and is not asked for
        d, losses = bench.out(N, K), bench.out(N)
        on_device = bench.array(z), bench.array(rows)
        bench.launch("soft_cross_entropy_rows", N, *on_device, d, losses, N, K)
        wide = z.astype(float)
        expected = twins.softmax(wide) * rows.sum(1, dtype=float, keepdims=True) - rows
        bench.expect(d, expected, f"d of {N}, {K}", 64)
        logs = twins.log_softmax(wide)
        logs[rows == 0] = 0
        bench.expect(losses, -(rows * logs).sum(1), f"losses of {N}, {K}", 64)


def check_smooth_rows(bench: Bench) -> None:
    labels, rows = bench.rng.integers(0, 5, 100), bench.out(100, 5)
    bench.launch("smooth_rows", 500, bench.array(labels), rows, 100, 5, 0.9, 0.025)
    expected = np.where(np.eye(5)[labels] == 1, 0.9, 0.025).astype(bench.dtype)
    bench.expect(rows, expected, "rows")


def check_softmax(bench: Bench) -> None:
    for N, K in ((1, 2), (300, 10)):
        x, dy, y, dx = 5 * bench.normal(N, K), bench.normal(N, K), bench.out(N, K), bench.out(N, K)
        bench.launch("softmax_of_each", N, bench.array(x), y, N, K)
        p = twins.softmax(x.astype(float))
        bench.expect(y, p, f"y of {N}, {K}", 16)
        bench.launch("gradient_of_each", N, bench.array(dy), y, dx, N, K)
        expected = (dy - (dy * p).sum(1, keepdims=True)) * p
        bench.expect(dx, expected, f"dx of {N}, {K}", 64)


def check_sums(bench: Bench) -> None:
    for N in LENGTHS:
        x, mean = bench.normal(N), bench.out(1)
        bench.launch("mean_of_vector", 1, bench.array(x), mean, N)
        bench.expect(mean, twins.total(x) / bench.dtype.type(N), f"mean of {N}")
        for tiles in (1, 3):
            parts = bench.out(tiles)
            bench.launch("squares_of_tiles", tiles * twins.THREADS, bench.array(x), parts, N)
            bench.expect(parts, twins.total(x * x, tiles), f"squares of {N} in {tiles}")


def check_accuracy(bench: Bench) -> None:
    for N, K in ((1, 2), (300, 10)):
        z = bench.rng.integers(0, 4, (N, K)).astype(bench.dtype)  # with many equal ones
        z[N // 2, 1] = np.nan  # the largest, for numpy
        labels, right = bench.rng.integers(0, K, N), bench.out(N, dtype=np.uint8)
        bench.launch("is_right", N, bench.array(z), bench.array(labels), right, N, K)
        np.testing.assert_array_equal(bench.backend.to_host(right), z.argmax(1) == labels)
        targets, own = bench.normal(N, K), np.take_along_axis(z, labels[:, None], axis=1)
        np.put_along_axis(targets, labels[:, None], 9, axis=1)
        behind = (z < own) | ((z == own) & (np.arange(K) >= labels[:, None]))
        for k in range(1, K):
            for given in ((bench.array(labels), None), (None, bench.array(targets))):
                bench.launch("is_in_top", N, bench.array(z), *given, right, N, K, k)
                expected = behind.sum(axis=1) > K - k
                np.testing.assert_array_equal(bench.backend.to_host(right), expected)


def check_answers(bench: Bench) -> None:
    for N, K in ((1, 2), (300, 10)):
        z, t = bench.rng.integers(0, 4, (2, N, K)).astype(bench.dtype)
        z[N // 2, 1] = np.nan
        on_device, right = (bench.array(z), bench.array(t)), bench.out(N, dtype=np.uint8)
        bench.launch("same_largest", N, *on_device, right, N, K)
        same = z.argmax(1) == t.argmax(1)
        np.testing.assert_array_equal(bench.backend.to_host(right), same)
        answers, fractions = bench.out(N, K, dtype=np.uint8), bench.out(N, dtype=float)
        bench.launch("same_side", N * K, *on_device, answers, N * K, 2.0, 1.0)
        same = (z > 2) == (t > 1)
        np.testing.assert_array_equal(bench.backend.to_host(answers), same)
        bench.launch("fractions_right", N, answers, fractions, N, K)
        np.testing.assert_allclose(bench.backend.to_host(fractions), same.mean(1), rtol=1e-15)
        every = bench.out(N, dtype=np.uint8)
        bench.launch("all_right", N, answers, every, N, K)
        np.testing.assert_array_equal(bench.backend.to_host(every), same.all(1))


def check_errors(bench: Bench) -> None:
    for N, K in ((1, 1), (300, 10)):
        p, t = bench.normal(N, K), bench.normal(N, K)
        on_device, errors = (bench.array(p), bench.array(t)), bench.out(N, dtype=float)
        terms = bench.out(N, 3, K, dtype=float)
        wide = p.astype(float) - t
        for squared, expected in ((0, abs(wide)), (1, wide**2)):
            bench.launch("mean_errors", N, *on_device, errors, N, K, squared)
            got = bench.backend.to_host(errors)
            np.testing.assert_allclose(got, expected.mean(1), rtol=1e-14)
        bench.launch("r2_terms", N * K, *on_device, terms, N, K)
        expected = np.stack([wide**2, t, t.astype(float) ** 2], axis=1)
        np.testing.assert_array_equal(bench.backend.to_host(terms), expected)


def check_the_log(bench: Bench) -> None:
    count, number = bench.array(np.array([1], "i4")), bench.array(np.array([2.5], bench.dtype))
    for N in LENGTHS:
        right = bench.rng.integers(0, 2, N, dtype=np.uint8)
        losses, sums = bench.out(3), bench.out(3, dtype=float)
        bench.launch("append_number", 1, number, losses, count)
        bench.launch("append_sum", 1, bench.array(right), sums, count, N)
        bench.expect(losses, np.array([np.nan, 2.5, np.nan], bench.dtype), "losses")
        expected = np.array([np.nan, right.sum(), np.nan])
        np.testing.assert_array_equal(bench.backend.to_host(sums), expected)
        numbers, weights = bench.normal(N), bench.normal(N)
        for kind, scores in ((0, right), (1, numbers)):
            on_device = bench.array(scores), sums, count, N, bench.array(weights), kind
            bench.launch("append_sum", 1, *on_device)
            expected[1] = twins.total(scores * weights)[0]
            np.testing.assert_array_equal(bench.backend.to_host(sums), expected)
        scores, totals = bench.rng.standard_normal((N, 3)), bench.out(3, 3, dtype=float)
        on_device = bench.array(scores), totals, count
        bench.launch("append_sums", 3 * twins.THREADS, *on_device, N, 3)
        expected = np.full((3, 3), np.nan)
        expected[1] = [twins.total(column)[0] for column in scores.T]
        np.testing.assert_array_equal(bench.backend.to_host(totals), expected)
    for done in (2, 3):
        bench.launch("advance", 1, count)
        assert bench.backend.to_host(count)[0] == done


def check_random_numbers(bench: Bench) -> None:
    low, high = 2**64 - 5, 0x85A308D313198A2E
    noise = HostNoise(high << 64 | low)
    for size in (*LENGTHS, 300_000):  # so many that a mask of 2^-16 has some
        for keep in (1e-9, 0.3, 1.0):
            threshold = max(1, round(keep * 65536))
            words = size, noise.draws, low, high, threshold, 65536 / threshold
            mask = bench.out(size)
            bench.launch("keep_mask", -(-size // 16), mask, None, None, 0, 0, *words)
            expected = noise.dropout_mask(keep, np.empty(size, bench.dtype))
            np.testing.assert_array_equal(bench.backend.to_host(mask), expected)
        out, blocks = bench.out(size), -(-size * bench.dtype.itemsize // 32)
        table = np.full((3, 2), 99.0)
        table[2, 1] = noise.draws
        place = bench.array(table), bench.array(np.array([2], "i4")), 2, 1
        bench.launch("uniform", blocks, out, *place, size, 99, low, high)
        expected = noise.uniform(np.empty(size, bench.dtype))
        np.testing.assert_array_equal(bench.backend.to_host(out), expected)


def check_trainings(bench: Bench) -> None:
    """Rules and joined tasks: numpy's numbers, and the same bits in each order of threads."""
    x, labels = bench.normal(40, 35), bench.rng.integers(0, 10, 40)
    losses = []
    for backend in (GraphBackend(bench.backend.xp), lm.get_backend("numpy")):
        layers = [lm.Dense(35), lm.ReLU(), lm.Dense(20), lm.BatchNorm(), lm.Tanh(), lm.Dropout(0.2)]
        model = lm.Sequential(
            [*layers, lm.Dense(10)], seed=1, dtype=bench.dtype.name, backend=backend
        )
        optimizer = lm.Adam(0.01, clip_norm=1.0)
        model.compile(lm.SoftmaxCrossEntropy(), optimizer, ["accuracy"], in_shape=(35,))
        # Not the weights: Adam turns the rounding errors of the bias before BatchNorm into steps.
        losses.append(model.fit(x, labels, epochs=3, batch_size=24, verbose=False)["loss"])
        if not backend.on_host:
            assert "kernel by kernel" not in repr(backend)
            key, weights = (backend.xp, bench.dtype), backend.to_host(model.store.values)
            np.testing.assert_array_equal(weights, FIRST_TRAINED.setdefault(key, weights.copy()))
    rounding = 20 if bench.exact else 2000
    np.testing.assert_allclose(*losses, rtol=rounding * np.finfo(bench.dtype).eps)


FIRST_TRAINED: dict[tuple[ModuleType, np.dtype], np.ndarray] = {}  # the weights of it
CHECKS: dict[str, Callable[[Bench], None]] = {
    name.removeprefix("check_"): check for name, check in globals().items() if name[:6] == "check_"
}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--kernels", type=Path, default=kernels.KERNELS)
    options.add_argument("--flags", action="append", default=[])
    options.add_argument("--guards", type=int, default=64)
    options.add_argument("--checks", nargs="+", default=CHECKS, choices=CHECKS)
    options.add_argument("--dtypes", nargs="+", default=DTYPES, type=np.dtype)
    given = options.parse_args()
    kernels.KERNELS = given.kernels
    raw_kernels.FLAGS = (*raw_kernels.FLAGS, *given.flags)
    for dtype in given.dtypes:
        for order in ORDERS:
            for check in given.checks:
                with raw_kernels.thread_order(order):
                    CHECKS[check](Bench(CupyBackend(strict_cupy), dtype, given.guards))


def run_checks(cache: Path, *arguments: str, **environment: str) -> str:
    """Run the checks in a process that a kernel may end; return its errors, if there are any."""
    module = "-m", "tests.backend.cupy.kernel_checks"
    environment["XDG_CACHE_HOME"] = str(cache)
    done = run_python(*module, *arguments, environment=environment, status=None)
    return done.stderr if done.returncode else ""


if __name__ == "__main__":
    main()
