"""Where two machines or two runs differ, told in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

NOT_COMPARED = "seconds"


def of_environments(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return what may change last bits: versions, backend, BLAS, processor, compiled loops.

    Each is one of ``"numpy (2.3.0 there, 2.4.0 here)"``. How many threads a BLAS could use is not
    compared: what a training did use is in its ``blas_threads``.
    """
    old, new = _facts(there), _facts(here)
    found = [
        f"{name} ({old[name]} there, {new[name]} here)"
        for name in old
        if name in new and old[name] != new[name]
    ]
    libraries, others = _blas(there), _blas(here)
    # Packages beside numpy bring a BLAS of their own, which does none of numpy's products.
    if not (libraries <= others or others <= libraries):
        told = "; ".join(sorted(libraries)), "; ".join(sorted(others))
        found.append(f"BLAS ({told[0]} there, {told[1]} here)")
    return found


def of_histories(
    there: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say in which epoch two histories part, and in how many they are not the same.

    What is no finite number must be None in both.
    """
    wrong = []
    for epoch, (old, new) in enumerate(zip(there, here, strict=False), 1):
        names = [n for n in {**old, **new} if n != NOT_COMPARED and old.get(n) != new.get(n)]
        if names:
            wrong.append((epoch, names[0], old.get(names[0]), new.get(names[0])))
    said = []
    if wrong:
        epoch, name, old_value, new_value = wrong[0]
        said.append(
            f"they part in epoch {epoch}: {name} {old_value!r} there, {new_value!r} here; "
            f"{len(wrong)} of {len(there)} epochs are not the same"
        )
    if len(there) != len(here):
        said.append(f"{len(there)} epochs there, {len(here)} here")
    return said


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        name: str(version)
        for name, version in _table(environment.get("versions")).items()
        if name != "platform"  # a kernel's version changes no bits; the processor is told apart
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
    """Return name, version and kernels of each library; "?" for what an old record does not say."""
    libraries = environment.get("blas")
    keys = ("name", "version", "architecture")
    return {
        " ".join(str(_table(library).get(key, "?")) for key in keys)
        for library in (libraries if isinstance(libraries, list) else [])
    }


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
