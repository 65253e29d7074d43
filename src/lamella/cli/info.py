"""Show versions, processor, backend and BLAS, which parts are compiled, and the reasons."""

import argparse
from importlib import metadata

from lamella.backend import CupyBackend, get_backend
from lamella.backend import numba as compiled
from lamella.training.environment import environment, installed

# Optional packages: import name and the extra that installs it.
OPTIONAL = {
    "matplotlib": ("matplotlib", "plot"),
    "Pillow": ("PIL", "images"),
    "numba": ("numba", "fast"),
    "scikit-learn": ("sklearn", "sklearn"),
    "joblib": ("joblib", "studies"),
    "scipy": ("scipy", "studies"),
    "cupy": ("cupy", "cuda13"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """``lamella info`` has no options."""


def run(args: argparse.Namespace) -> int:
    """Print the environment, one item per line."""
    backend = get_backend()
    found = environment(backend)
    rows = dict(found["versions"])
    for name, (package, extra) in OPTIONAL.items():
        rows[name] = _version(package) or f"not installed: pip install 'lamella[{extra}]'"
    rows["backend"] = "{name} ({why})".format(**found["backend"])
    if isinstance(backend, CupyBackend):
        problem = backend.capture_problem()
        rows["steps"] = f"in several launches ({problem})" if problem else "replayed as CUDA graphs"
    libraries = ["{name} {version}, threads: {threads}".format(**blas) for blas in found["blas"]]
    rows["BLAS"] = "; ".join(libraries) or "none that threadpoolctl knows"
    rows["processor"] = found["cpu"]
    rows["cores"] = str(found["cores"])
    why = f" ({compiled.problem()})" if compiled.problem() else ""
    rows["update rules"] = f"run by {found['loops']}{why}"
    rows["products"] = _products()
    if compiled.is_available():
        rows["machine code"] = _code_folder()
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
    return 0


def _products() -> str:
    """Return how matrix products are computed, and the reason if they are not compiled."""
    if compiled.products_problem():
        return f"run by numpy's BLAS, and no steps replayed ({compiled.products_problem()})"
    from lamella.backend.numba.gemm_kernel import VECTOR
    from lamella.backend.numba.registers import TRIPLE

    return f"compiled for {TRIPLE}, {8 * VECTOR} bits a register; steps are replayed"


def _code_folder() -> str:
    """Return the folder in which compiled functions are kept for the next process."""
    from lamella.backend.numba.code_files import code_folder

    try:
        return f"in {code_folder()}"
    except RuntimeError:
        return "not kept: the user has no home folder"


def _version(package: str) -> str:
    """Return the version of an installed package, or an empty string if it is missing."""
    if not installed(package):
        return ""
    distributions = metadata.packages_distributions().get(package, [])
    return metadata.version(distributions[0]) if distributions else "installed"
