"""Fine-tuning learns the own digits and does not forget MNIST's."""

import numpy as np

import lamella as lm
from lamella.cli.draw.fine_tuning import fine_tuned, scores
from lamella.datasets import Samples


def test_own_digits_are_learned_without_forgetting(
    network: lm.Sequential, digits: tuple[Samples, Samples]
) -> None:
    train, test = digits
    # A hand that the network does not know: slanted to the left.
    slanted = np.stack([np.roll(test.x[:, r], 2 * r // 3 - 9, axis=1) for r in range(28)], axis=1)
    own, later = Samples(slanted[:200], test.y[:200]), Samples(slanted[200:1200], test.y[200:1200])
    tuned = fine_tuned(network, own, train)
    rows = scores(network, tuned, {"own": own, "later": later, "none": None, "MNIST": test})
    assert [row[:2] for row in rows] == [("own", 200), ("later", 1000), ("MNIST", 10_000)]
    (_, _, before, after), (_, _, unseen, seen), (_, _, mnist, kept) = rows
    assert before < 0.6
    assert after > 0.9
    assert seen > unseen + 0.1
    assert kept > mnist - 0.02


def test_the_model_itself_remains_as_it_was(
    network: lm.Sequential, digits: tuple[Samples, Samples]
) -> None:
    train, test = digits
    weights = {name: value.copy() for name, value in network.state_dict().items()}
    tuned = fine_tuned(network, Samples(test.x[:1], test.y[:1]), train)
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value, weights[name])
    assert not np.array_equal(tuned.layers[1].W.value, network.layers[1].W.value)
