"""Name of the processor, from /proc/cpuinfo of x86 and of ARM."""

import pytest

from lamella.training.processor import name_in, processor

X86 = """processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 9B45
processor\t: 1
model name\t: AMD EPYC 9B45
"""
CORE = """processor\t: {number}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: {maker}
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""


def arm(*cores: tuple[str, str]) -> str:
    """The text of cores with these implementers and parts."""
    return "".join(CORE.format(number=n, maker=m, part=p) for n, (m, p) in enumerate(cores))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86, "AMD EPYC 9B45"),
        (arm(*[("0x41", "0xd08")] * 4), "ARM Cortex-A72"),
        (arm(("0x41", "0xd0c")), "ARM Neoverse N1"),
        (arm(("0x41", "0xd03"), ("0x41", "0xd08")), "ARM Cortex-A53 and ARM Cortex-A72"),
        (arm(("0x41", "0xfff")), "ARM part 0xfff"),
        (arm(("0x61", "0xd0c")), "Apple part 0xd0c"),
        (arm(("0x99", "0x001")), "implementer 0x99 part 0x001"),
        ("", ""),
    ],
)
def test_name_is_the_model_or_the_part_of_arm(text: str, name: str) -> None:
    assert name_in(text) == name


def test_this_processor_has_a_name() -> None:
    assert processor().strip()
