"""Run every check that needs a GPU, and write what it found to a file."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.gpu.checks.process import GOES_ON, Check, run
from benchmarks.peers import machine
from benchmarks.peers.process import ROOT


def settle(
    checks: Mapping[str, Check],
    device: str,
    out: Path,
    *,
    seconds: float,
    keep_going: bool = False,
    module: str = "benchmarks.gpu.checks",
) -> dict[str, Any]:
    """Run checks in order, each in its own process, and return the record.

    Parameters
    ----------
    checks : dict
        Some of the checks that ``module`` serves.
    device : {"gpu", "cpu"}
    out : Path
        File that is written after each check.
    seconds : float
        Limit of all checks together.
    keep_going : bool
        Whether to go on after a wrong number, an error or a check out of time.
    """
    began = time.perf_counter()
    record: dict[str, Any] = {
        "date": date.today().isoformat(),
        "device": device,
        "commit": commit(),
        "machine": machine.facts(),
        "checks": {},
    }
    write(record, out)  # a file that cannot be written is known before the first check
    for name, check in checks.items():
        left = seconds - (time.perf_counter() - began)
        if left > 0:
            found = run(module, name, device, min(check.limit, left))
        else:
            found = {"outcome": "not reached", "reason": f"the {seconds:.0f} seconds are over"}
        record["checks"][name] = found
        print(f"{time.perf_counter() - began:6.1f} s  {name}: {summary(found)}", flush=True)
        write(record, out)
        if found["outcome"] not in GOES_ON and not keep_going:
            break
    return record


def commit() -> str | None:
    """Return the commit of the checkout, with a plus sign if files differ; None without git."""
    words = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True)
        except OSError:
            return None
        words.append(done.stdout.strip())
    return words[0] + "+" * bool(words[1]) or None


def write(record: dict[str, Any], out: Path) -> None:
    """Replace the file as a whole, so that an end in between leaves the last one."""
    part = out.with_name(f"{out.name}.part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(part, out)


def summary(found: dict[str, Any]) -> str:
    """Return an outcome as text: a line, and the log of one that is not right."""
    text = found["outcome"]
    if "reason" in found:
        text += f": {found['reason']}"
    figures = {k: v for k, v in found.get("figures", {}).items() if k != "measurements"}
    text += f", {json.dumps(figures)}" * bool(figures)
    return text + (f"\n{found['log']}" if "log" in found else "")
