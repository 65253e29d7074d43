"""Tables of layers."""

from xml.etree import ElementTree

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


def test_shapes_stand_below_each_other() -> None:
    long = lm.Dense(3, regularizer=lm.L1L2(1e-4, 1e-4), init="glorot_uniform")
    for layers, column in [
        ([lm.Dense(3), lm.ReLU()], 20),
        ([lm.Dense(3), lm.Dense(10, init="glorot_uniform")], 44),
        ([lm.Dense(3), long], 47),
    ]:
        lines = repr(Network(layers, seed=4, backend="numpy").build((2,))).splitlines()
        assert lines[1].index("->") == column
        assert layers[1] is long or lines[2].index("->") == column


def test_summary_lists_layers_shapes_and_parameters(backend: Backend) -> None:
    net = small(backend)
    assert "not built yet" in net.summary()
    text = net.build((28, 28)).summary()
    assert text.startswith(repr(net))
    assert f"{784 * 4 + 4 + 8 + 15:,} parameters, input (28, 28)" in text
    assert f"float32 on {backend.name}, seed 1" in text


def test_notebooks_show_the_table_of_a_summary() -> None:
    net = Network([lm.Dense(3), lm.ReLU()], seed=4, backend="numpy")
    assert "not built yet" in net._repr_html_()
    page = ElementTree.fromstring(net.build((2,))._repr_html_())
    cells = [[cell.text for cell in row] for row in page.iter("tr")]
    assert cells[1:] == [["0", "Dense(units=3)", "(3,)", "9"], ["1", "ReLU()", "(3,)", "0"]]
    assert [p.text for p in page.findall("p")][1:] == net.summary().splitlines()[-2:]
