"""Tables of a network's layers."""

from typing import Any

from lamella.core.html import html_table

WIDEST = 44  # characters of a layer for which the columns behind it move to the right


def summary(network: Any) -> str:
    """Return a table of layers, output shapes and parameter counts, with dtype and seed."""
    return "\n".join([repr(network), *_notes(network)])


def _notes(network: Any) -> list[str]:
    lines = []
    if network.store is None:
        lines.append("not built yet: compile(..., in_shape=) or fit builds it")
    else:
        frozen = sum(p.size for p in network.store if not p.trainable)
        count = f"{network.store.count:,} parameters" + f" ({frozen:,} frozen)" * (frozen > 0)
        lines.append(f"{count}, input {network.in_shape}")
    return [*lines, f"{network.dtype.name} on {network.backend.name}, seed {network.seed}"]


def layer_html(network: Any) -> str:
    """Return the table of `summary` as HTML."""
    rows = []
    for i, layer in enumerate(network.layers):
        shape = count = ""
        if network.store is not None and i + 1 < len(network.shapes):
            shape = str(network.shapes[i + 1])
            count = f"{sum(p.size for p in layer.parameters):,}"
        rows.append([i, repr(layer), shape, count])
    title, head = type(network).__name__, ["", "layer", "output", "parameters"]
    return html_table(title, head, rows, _notes(network), left=(1, 2))


def layer_table(network: Any) -> str:
    """Return the layers of a network, one a line, with output shapes and parameter counts."""
    rows = [f"{type(network).__name__}(["]
    texts = [f"{i}: {layer!r}" for i, layer in enumerate(network.layers)]
    width = min(max(map(len, texts)), WIDEST)
    for i, (layer, text) in enumerate(zip(network.layers, texts, strict=True)):
        built = ""
        if network.store is not None and i + 1 < len(network.shapes):
            count = sum(p.size for p in getattr(layer, "parameters", ()))
            built = f"-> {network.shapes[i + 1]}" + (f", {count:,} parameters" if count else "")
        rows.append(f"  {text:<{width}} {built}".rstrip())
    return "\n".join([*rows, "])"])
