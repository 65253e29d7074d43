"""Machine code made by numba, where it is installed (the extra ``fast``)."""

import functools
import importlib.util


@functools.cache
def problem() -> str:
    """Return the reason why nothing can be compiled; empty if numba works."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed"
    try:
        import numba
    except ImportError as error:  # for instance because it does not know this numpy yet
        return f"numba cannot be imported: {error}"
    return "NUMBA_DISABLE_JIT is set" if numba.config.DISABLE_JIT else ""


@functools.cache
def is_available() -> bool:
    """Whether numba can compile functions."""
    return not problem()


@functools.cache
def has_products() -> bool:
    """Whether matrix products are compiled: that needs an x86 processor with FMA."""
    if not is_available():
        return False
    from lamella.backend.numba import gemm_kernel

    return gemm_kernel.IS_FUSED
