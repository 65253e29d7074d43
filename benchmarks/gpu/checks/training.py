"""Checks of training: eager against numpy, captured against eager, whole trainings of MNIST."""

import time

import numpy as np

import lamella as lm
from benchmarks.gpu.checks.bench import (
    NETWORKS,
    REFERENCE,
    Bench,
    Figures,
    capture,
    expect,
    expect_close,
    expect_same,
    fit,
    plain,
)
from benchmarks.gpu.checks.graphs import recorded_graphs

# Relative and absolute, of weights and losses. A GPU adds in another order and rounds a * b + c
# once; Adam divides by the size of a gradient, and with it the rounding of a tiny one: in float32
# up to a step of 5e-4.
TOLERANCES = {"float32": (1e-4, 5e-4), "float64": (1e-8, 1e-10)}


def eager(bench: Bench) -> Figures:
    """Compare steps without capture with those of numpy: weights and losses."""
    figures: Figures = {}
    for dtype, (rtol, atol) in TOLERANCES.items():
        for name, make in NETWORKS.items():
            steps = 8 if bench.is_gpu else 3
            with capture(False):
                mine = fit(bench, make(bench, bench.backend, dtype), steps)
            numpy = fit(bench, make(bench, REFERENCE, dtype), steps)
            what = f"{name}, {dtype}"
            found, expected = mine.state_dict(), numpy.state_dict()
            figures[what] = max(
                expect_close(f"{what}, {key}", found[key], value, rtol, atol)
                for key, value in expected.items()
            )
            losses = mine.history.steps, numpy.history.steps
            expect_close(f"{what}, losses", *losses, rtol)
    return {"largest difference of a weight": figures}


def captured(bench: Bench) -> Figures:
    """Compare captured steps, with joined tasks and without, with eager ones, bit for bit."""
    validation = bench.data(2.5)
    figures: Figures = {}

    def trained(name: str) -> lm.Sequential:
        model = NETWORKS[name](bench, bench.backend)
        # A shorter last batch, evaluation between the epochs, a second fit.
        fit(bench, model, 6.5, 2, validation_data=validation)
        return fit(bench, model, 4)

    for name in NETWORKS:
        with capture(False):
            eager = trained(name)
        with capture(True), recorded_graphs(joined=False) as single:
            expect_same(f"{name}, captured", trained(name), eager)
        with capture(True), recorded_graphs() as joined:
            model = trained(name)
            expect_same(f"{name}, captured and joined", model, eager)
        figures[name] = {
            "nodes of each graph": [len(graph.names) for graph in joined],
            "without joins": [len(graph.names) for graph in single],
            "backend": repr(model.backend),
        }
        expect(joined or name != "plain", f"the plain step is not captured: {model.backend!r}")
    return figures


def repeats(bench: Bench) -> Figures:
    """Train the large network again and again: the bits of captured steps must not change."""
    first = fit(bench, plain(bench, bench.backend), 40)
    times = 5 if bench.is_gpu else 2
    for i in range(times):
        expect_same(f"repetition {i + 1}", fit(bench, plain(bench, bench.backend), 40), first)
    return {"repetitions": times}


def mnist(bench: Bench) -> Figures:
    """Train on MNIST as in the README, twice: accuracy, seconds and the same bits."""
    count, epochs, goal = (60_000, 5, 0.97) if bench.is_gpu else (960, 2, 0.2)
    x, y = bench.samples(count)
    models, seconds = [], []
    for _ in range(2):
        model = lm.MLP(bench.hidden, seed=2023, backend=bench.backend)
        for _ in range(epochs):
            began = time.perf_counter()
            model.fit(x, y, epochs=1, batch_size=bench.batch, verbose=False)
            seconds.append(time.perf_counter() - began)
        models.append(model)
    expect_same("second training", models[1], models[0])
    accuracy = models[0].evaluate(*bench.samples(count // 6, test=True))["accuracy"]
    expect(accuracy >= goal, f"accuracy {accuracy:.4f} after {epochs} epochs, at least {goal}")
    return {"accuracy": accuracy, "seconds of each epoch": seconds}


def evaluation(bench: Bench) -> Figures:
    """Compare evaluation and prediction with those of numpy on the same weights."""
    mine = fit(bench, plain(bench, bench.backend), 20)
    numpy = plain(bench, REFERENCE)
    fit(bench, numpy, 1)
    numpy.load_state_dict(mine.state_dict())
    count = 10_000 if bench.is_gpu else 600
    x, y = bench.samples(count, test=True)
    found, expected = mine.evaluate(x, y), numpy.evaluate(x, y)
    expect_close("loss", found["loss"], expected["loss"], 1e-5)
    expect_close("probabilities", mine.predict(x), numpy.predict(x), 1e-3, 1e-5)
    agreeing = float((mine.predict_classes(x) == numpy.predict_classes(x)).mean())
    expect(agreeing > 0.999, f"only {agreeing:.2%} of the classes are those of numpy")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        mine.predict_classes(x)
        times.append(time.perf_counter() - began)
    return {"images": count, "predict, ms": 1e3 * float(np.median(times))}
