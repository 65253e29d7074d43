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
def products_problem() -> str:
    """Return the reason why matrix products are not compiled; empty if they are."""
    if not is_available():
        return problem()
    from lamella.backend.numba.registers import REGISTERS

    if REGISTERS is None:
        return "compiled products need 64-bit ARM or an x86 processor with FMA"
    return ""


@functools.cache
def has_products() -> bool:
    """Whether matrix products are compiled, and with them steps replayed."""
    return not products_problem()
