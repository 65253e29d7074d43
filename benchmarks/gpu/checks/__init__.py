"""Checks that only a GPU can make, in order of importance; each with its limit of seconds."""

from benchmarks.gpu.checks import (
    foundations,
    products,
    programs,
    safety,
    timing,
    together,
    training,
)
from benchmarks.gpu.checks.process import Check

CHECKS = {
    "versions": Check(foundations.versions, 60),
    "words by value": Check(foundations.words, 40),
    "kernels": Check(foundations.kernels, 120),
    "random numbers": Check(foundations.random_numbers, 40),
    "eager step": Check(training.eager, 120),
    "captured step": Check(training.captured, 120),
    "repetitions": Check(training.repeats, 40),
    "MNIST": Check(training.mnist, 90),
    "times": Check(timing.times, 60),
    "evaluation": Check(training.evaluation, 40),
    "large products": Check(products.large_products, 60),
    "side by side": Check(together.side_by_side, 90),
    "refusals": Check(safety.refusals, 40),
    "interrupts": Check(safety.interrupts, 40),
    "nodes": Check(timing.nodes, 40),
    "sanitizer": Check(programs.sanitizer, 120),
    "benchmark": Check(programs.benchmark, 240),
    "tests": Check(programs.all_tests, 180),
}
