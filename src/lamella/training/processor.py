"""Name of the processor, by which a BLAS selects its kernels."""

import platform
import subprocess
from pathlib import Path

# Linux names the cores of ARM by two numbers: CPU implementer and CPU part.
ARM = {
    "0xd03": "Cortex-A53",  # Raspberry Pi 3
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",  # Raspberry Pi 4, Graviton
    "0xd0b": "Cortex-A76",  # Raspberry Pi 5
    "0xd0c": "Neoverse N1",  # Graviton 2, Altra
    "0xd40": "Neoverse V1",  # Graviton 3
    "0xd49": "Neoverse N2",  # Cobalt
    "0xd4f": "Neoverse V2",  # Graviton 4, Grace
}
MAKERS = {"0x41": "ARM", "0x51": "Qualcomm", "0x61": "Apple", "0xc0": "Ampere"}


def processor() -> str:
    """Return the processor's name; of one with several kinds of cores, the names of all kinds."""
    return _macos_name() or name_in(_cpuinfo()) or platform.processor() or platform.machine()


def name_in(cpuinfo: str) -> str:
    """Return the processor's name in the text of ``/proc/cpuinfo``; empty if there is none."""
    names: list[str] = []
    maker = ""
    for line in cpuinfo.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            names.append(value)
        elif key == "CPU implementer":
            maker = value
        elif key == "CPU part":
            known = ARM.get(value, f"part {value}") if maker == "0x41" else f"part {value}"
            names.append(f"{MAKERS.get(maker, f'implementer {maker}')} {known}")
    return " and ".join(dict.fromkeys(names))


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _macos_name() -> str:
    if platform.system() != "Darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
