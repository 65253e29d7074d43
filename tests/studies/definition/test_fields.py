"""Fields of an experiment as given: refused where a description would change them."""

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.studies.definition.fields import custom_parts, fields_table


def test_a_custom_class_named_like_one_of_lamellas_is_refused() -> None:
    adam = type("Adam", (lm.Adam,), {})
    with pytest.raises(ArgumentError, match="Adam is already a name in lamella"):
        custom_parts({"optimizer": adam(1e-3)})


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lm.MLP([5], optimizer=lm.SGD(0.1)), "the optimizer of the MLP would be ignored"),
        (lm.MLP([5], loss="L2"), "the loss of the MLP would be ignored"),
        (
            lm.Sequential([lm.Dense(3)]).compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)),
            "the loss and optimizer of the Sequential would be ignored",
        ),
    ],
    ids=["optimizer", "loss", "compiled"],
)
def test_model_objects_that_a_description_would_change_are_refused(
    model: lm.Sequential, text: str
) -> None:
    with pytest.raises(ArgumentError, match=text):
        fields_table({"model": model})


def test_fields_that_are_no_dict_are_refused() -> None:
    with pytest.raises(ArgumentError, match="fields of an experiment must be a dict, got 3"):
        fields_table(3)  # type: ignore[arg-type]
