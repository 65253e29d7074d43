"""Differences between two environments or two histories, as readable lines."""

from collections.abc import Mapping, Sequence
from typing import Any

NOT_COMPARED = "seconds"


def environment_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return the differences that may change last bits, such as versions, BLAS and processor.

    A line reads ``"numpy (2.3.0 there, 2.4.0 here)"``. The number of available BLAS threads is not
    compared; ``blas_threads`` of a training has the number in use.
    """
    old, new = _facts(there), _facts(here)
    found = [
        f"{name} ({old[name]} there, {new[name]} here)"
        for name in old
        if name in new and old[name] != new[name]
    ]
    libraries, others = _blas(there), _blas(here)
    # Other packages load BLAS libraries of their own, which numpy does not use.
    if not (libraries <= others or others <= libraries):
        old_blas, new_blas = "; ".join(sorted(libraries)), "; ".join(sorted(others))
        found.append(f"BLAS ({old_blas} there, {new_blas} here)")
    return found


def history_differences(
    there: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return the first epoch in which two histories differ, and the number of such epochs.

    Non-finite numbers must be None in both.
    """
    wrong = []
    for epoch, (old, new) in enumerate(zip(there, here, strict=False), 1):
        names = [n for n in {**old, **new} if n != NOT_COMPARED and old.get(n) != new.get(n)]
        if names:
            wrong.append((epoch, names[0], old.get(names[0]), new.get(names[0])))
    lines = []
    if wrong:
        epoch, name, old_value, new_value = wrong[0]
        lines.append(
            f"they diverge in epoch {epoch}: {name} {old_value!r} there, {new_value!r} here; "
            f"{len(wrong)} of {len(there)} epochs differ"
        )
    if len(there) != len(here):
        lines.append(f"{len(there)} epochs there, {len(here)} here")
    return lines


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        name: str(version)
        for name, version in _table(environment.get("versions")).items()
        if name != "platform"  # no kernel version changes bits; the processor is compared below
    }
    backend = _table(environment.get("backend"))
    if "name" in backend:
        facts["backend"] = str(backend["name"])
    for key, name in (
        ("cpu", "processor"),
        ("loops", "update rules run by"),
        ("products", "matrix products"),
        ("git", "commit"),
    ):
        if environment.get(key):
            facts[name] = str(environment[key])
    return facts


def _blas(environment: Mapping[str, Any]) -> set[str]:
    """Return name, version and kernels of each library; "?" if not recorded."""
    libraries = environment.get("blas")
    keys = ("name", "version", "architecture")
    return {
        " ".join(str(_table(library).get(key, "?")) for key in keys)
        for library in (libraries if isinstance(libraries, list) else [])
    }


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
