"""Tables of a network's layers."""

from typing import Any


def summary(network: Any) -> str:
    """Return a table of layers, output shapes and parameter counts, with dtype and seed."""
    lines = [repr(network)]
    if network.store is None:
        lines.append("not built yet: compile(..., in_shape=) or fit builds it")
    else:
        frozen = sum(p.size for p in network.store if not p.trainable)
        count = f"{network.store.count:,} parameters" + f" ({frozen:,} frozen)" * (frozen > 0)
        lines.append(f"{count}, input {network.in_shape}")
    lines.append(f"{network.dtype.name} on {network.backend.name}, seed {network.seed}")
    return "\n".join(lines)


def layer_table(network: Any) -> str:
    """Return the layers of a network, one a line, with output shapes and parameter counts."""
    rows = [f"{type(network).__name__}(["]
    for i, layer in enumerate(network.layers):
        built = ""
        if network.store is not None and i + 1 < len(network.shapes):
            count = sum(p.size for p in getattr(layer, "parameters", ()))
            built = f"-> {network.shapes[i + 1]}" + (f", {count:,} parameters" if count else "")
        rows.append(f"  {i}: {layer!r:<32} {built}".rstrip())
    return "\n".join([*rows, "])"])
