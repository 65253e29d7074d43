"""Measure the time of `import lamella`, on top of that of numpy.

    python benchmarks/import_time.py                  # lamella
    python benchmarks/import_time.py torch sklearn    # lamella and installed packages

Each round starts one fresh interpreter for every package, in turn, so that other load on the
machine affects all of them equally. The output shows medians and quartiles over rounds.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time

# Without bytecode every import would compile, unlike that of an installed package.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(statement: str) -> float:
    """Return the seconds a fresh interpreter takes to start, execute ``statement`` and exit."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def spread(values: list[float]) -> str:
    """Return median and quartiles in milliseconds."""
    low, middle, high = (1000 * q for q in statistics.quantiles(values, n=4, method="inclusive"))
    return f"{middle:8.1f} ms   ({low:.1f} to {high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="*", help="further packages to import")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()

    packages = ["numpy", "lamella", *options.peers]
    statements = {"python": "pass"} | {name: f"import {name}" for name in packages}
    for statement in statements.values():  # writes bytecode and fills the file cache
        seconds(statement)
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(options.rounds):
        for name, statement in statements.items():
            times[name].append(seconds(statement))

    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"numpy {importlib.metadata.version('numpy')}, {options.rounds} rounds in turn")
    print("\nA fresh interpreter that imports (median, quartiles):")
    for name, values in times.items():
        print(f"  {name:<12}{spread(values)}")
    print("\nBeyond `import numpy`, round by round:")
    numpy = statistics.median(times["numpy"])
    for name in packages[1:]:
        beyond = [a - b for a, b in zip(times[name], times["numpy"], strict=True)]
        ratio = statistics.median(times[name]) / numpy
        print(f"  {name:<12}{spread(beyond)}   {ratio:.2f} times numpy's")


if __name__ == "__main__":
    main()
