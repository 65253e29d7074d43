"""Vector registers of processors, by LLVM's names."""

import pytest

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

from lamella.backend import numba as compiled
from lamella.backend.numba.registers import REGISTERS, Registers, registers_of

NEON = Registers(16, 32, is_masked=False)


@pytest.mark.parametrize(
    ("triple", "features", "expected"),
    [
        ("x86_64-unknown-linux-gnu", {"+avx512f", "+avx2", "+fma"}, Registers(64, 32, True)),
        ("x86_64-unknown-linux-gnu", {"-avx512f", "+avx2", "+fma"}, Registers(32, 16, True)),
        ("x86_64-apple-darwin23.0.0", {"+avx2", "+fma"}, Registers(32, 16, True)),
        ("x86_64-pc-windows-msvc", {"+sse2", "-fma"}, None),
        ("aarch64-unknown-linux-gnu", {"-sve"}, NEON),
        ("aarch64-unknown-linux-gnu", {"+sve", "+neon"}, NEON),
        ("arm64-apple-darwin23.0.0", {""}, NEON),
        ("armv7l-unknown-linux-gnueabihf", {"+neon"}, None),
        ("powerpc64le-unknown-linux-gnu", {"+vsx"}, None),
    ],
)
def test_registers_are_those_of_the_architecture(
    triple: str, features: set[str], expected: Registers | None
) -> None:
    assert registers_of(triple, features) == expected


def test_products_are_compiled_where_registers_are_known() -> None:
    assert compiled.has_products() == (compiled.is_available() and REGISTERS is not None)
    assert bool(compiled.products_problem()) != compiled.has_products()
