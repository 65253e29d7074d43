"""Vector registers of this processor, which matrix products are compiled for. Requires numba."""

from collections.abc import Collection
from typing import NamedTuple

from numba.core.registry import cpu_target


class Registers(NamedTuple):
    """Vector registers of a processor with fused multiply-add."""

    size: int  # bytes of a register
    number: int
    is_masked: bool  # loading some lanes is as fast as loading all, not a branch per lane


def registers_of(triple: str, features: Collection[str]) -> Registers | None:
    """Return the registers of a processor by LLVM's names; None if products cannot be compiled.

    Every 64-bit ARM has fused multiply-add, so that its features do not matter; on an x86 without
    it each fused step would be a function call.
    """
    if triple.startswith(("aarch64", "arm64")):
        return Registers(16, 32, False)
    if "+fma" not in features:  # an x86 feature
        return None
    return Registers(64, 32, True) if "+avx512f" in features else Registers(32, 16, True)


TRIPLE, _, _features = cpu_target.target_context.codegen().magic_tuple()
FEATURES = frozenset(_features.split(","))
REGISTERS = registers_of(TRIPLE, FEATURES)
