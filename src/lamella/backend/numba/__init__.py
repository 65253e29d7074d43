"""Machine code made by numba, where it is installed (the extra ``fast``)."""

import functools
import importlib.util


@functools.cache
def is_available() -> bool:
    """Whether numba is installed and can be imported."""
    if importlib.util.find_spec("numba") is None:
        return False
    try:
        import numba  # noqa: F401
    except ImportError:  # for instance because it does not know this numpy yet
        return False
    return True


@functools.cache
def has_products() -> bool:
    """Whether matrix products are compiled: that needs an x86 processor with FMA."""
    if not is_available():
        return False
    from lamella.backend.numba import gemm_kernel

    return gemm_kernel.IS_FUSED
