"""Emulated random kernels: Philox4x32-10 as published."""

import numpy as np
import pytest

from lamella.testing.strict_cupy import kernels

KEY = 0x299F31D0A4093822
WORD = 0xFFFFFFFF


def philox4x32(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds on Python integers, as in the paper."""
    (a, b, c, d), (k0, k1) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & WORD, (p >> 32) ^ d ^ k1, p & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return [a, b, c, d]


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([WORD] * 4, [WORD] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_definition_gives_the_known_answers_of_random123(
    counter: list[int], key: list[int], answer: str
) -> None:
    assert " ".join(f"{word:08x}" for word in philox4x32(counter, key)) == answer


def test_the_emulation_gives_the_known_answer() -> None:
    numbers = kernels.philox(0, 0, np.arange(4))
    assert [f"{word:08x}" for word in numbers] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


DRAWS = [0, 1, 2**32 + 5, 2**64 - 1]
PLACES = [0, 1, 2, 3, 4, 1_000_003, 2**34 + 6, 2**62 + 1]


def defined(key: int, draw: int, index: int) -> int:
    counter = [(index >> 2) & WORD, index >> 34, draw & WORD, draw >> 32]
    return philox4x32(counter, [key & WORD, key >> 32])[index & 3]


@pytest.mark.parametrize("key", [0, KEY, 2**64 - 1])
@pytest.mark.parametrize("draw", DRAWS)
def test_the_emulation_follows_the_definition(key: int, draw: int) -> None:
    expected = [defined(key, draw, place) for place in PLACES]
    np.testing.assert_array_equal(kernels.philox(key, draw, np.array(PLACES)), expected)
