"""Small trainings, captured and eager, for compute-sanitizer: ``python -m ...sanitized``."""

from benchmarks.gpu.checks.bench import NETWORKS, Bench, capture, fit


def main() -> None:
    bench = Bench("gpu")
    # Arrays of exactly their size, so that an address behind one is seen.
    bench.backend.xp.cuda.set_allocator(None)
    for make in NETWORKS.values():
        for is_on in (True, False):
            with capture(is_on):
                fit(bench, make(bench, bench.backend), 3.5)


if __name__ == "__main__":
    main()
