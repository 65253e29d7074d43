"""Scores: a dict that says which names it has."""

import json
import pickle

import pytest

from tests.data import clouds
from tests.networks import small_classifier


def test_scores_are_a_dict_whose_errors_name_the_words() -> None:
    model = small_classifier()
    model.fit(*clouds(), epochs=1, verbose=0)
    scores = model.evaluate(*clouds())
    assert json.loads(json.dumps(scores)) == pickle.loads(pickle.dumps(scores)) == dict(scores)
    assert [*scores] == ["loss", "accuracy"]
    assert "acc" not in scores
    assert scores.get("acc") is None
    for name, text in [
        (1, r'no score 1 among loss and accuracy: write scores\["accuracy"\]'),
        ("acc", "use 'accuracy'"),
        ("los", "did you mean 'loss'"),
    ]:
        with pytest.raises(KeyError, match=text):
            scores[name]  # type: ignore[index]
