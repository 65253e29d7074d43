"""Tables of layers."""

import lamella as lm
from lamella.backend import Backend
from lamella.network.network import Network
from tests.network.test_network import small


def test_repr_before_and_after_building() -> None:
    net = Network([lm.Flatten(), lm.Dense(3), lm.ReLU()], seed=4, backend="numpy")
    assert repr(net).splitlines() == [
        "Network([",
        "  0: Flatten()",
        "  1: Dense(units=3)",
        "  2: ReLU()",
        "])",
    ]
    lines = repr(net.build((2, 2))).splitlines()
    assert [line.split("->")[-1].strip() for line in lines[1:-1]] == [
        "(4,)",
        "(3,), 15 parameters",
        "(3,)",
    ]


def test_summary_lists_layers_shapes_and_parameters(backend: Backend) -> None:
    net = small(backend)
    assert "not built yet" in net.summary()
    text = net.build((28, 28)).summary()
    assert text.startswith(repr(net))
    assert f"{784 * 4 + 4 + 8 + 15:,} parameters, input (28, 28)" in text
    assert f"float32 on {backend.name} ({backend.reason}), seed 1" in text
