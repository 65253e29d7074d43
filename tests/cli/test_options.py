"""Options of lamella train: they reach the model, and wrong ones are refused in one line."""

from pathlib import Path

import pytest

import lamella as lm
from tests.cli.conftest import Call
from tests.cli.runs import QUICK, history_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        ("--optimizer sgd --lr 0.1 --clip-norm 2", lm.SGD(0.1, clip_norm=2)),
        ("--optimizer momentum", lm.Momentum(2e-3)),
        ("--optimizer nesterov --beta 0.5", lm.Momentum(2e-3, beta=0.5, nesterov=True)),
        ("--beta 0.3 --lr 0.01", lm.Adam(0.01, beta1=0.3)),
        ("--optimizer adamw --weight-decay 0.1", lm.AdamW(2e-3, weight_decay=0.1)),
        ("--decay 0.25", lm.Adam(lm.InverseDecay(2e-3, 0.25))),
    ],
)
def test_optimizer_options_reach_the_model(
    call: Call, tmp_path: Path, options: str, optimizer: lm.Optimizer
) -> None:
    done = call("train", "--model", "softmax", *QUICK, *options.split(), "--out", tmp_path)
    assert done.status == 0, done.err
    assert repr(lm.load(tmp_path / "model.safetensors").optimizer) == repr(optimizer)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ("--hidden 8 4 --loss L2", lm.MLP([8, 4], loss="L2")),
        ("--hidden 8 --batch-norm --dropout 0.2", lm.MLP([8], batch_norm=True, dropout=0.2)),
        ("--hidden 8 --dropout 0.1 0.2 --l2 0.001", lm.MLP([8], dropout=[0.1, 0.2], l2=0.001)),
        ("--model softmax --l2 0.01 --loss L1", lm.SoftmaxClassifier(l2=0.01, loss="L1")),
        ("--hidden 8,4 --dropout 0.1,0,0.2", lm.MLP([8, 4], dropout=[0.1, 0, 0.2])),
        ("--hidden 8, 4", lm.MLP([8, 4])),
        ("--hidden 8 --dtype float64", lm.MLP([8], dtype="float64")),
    ],
)
def test_model_options_reach_the_model(
    call: Call, tmp_path: Path, options: str, model: lm.Sequential
) -> None:
    done = call("train", *QUICK, *options.split(), "--out", tmp_path)
    assert done.status == 0, done.err
    written = lm.load(tmp_path / "model.safetensors")
    assert repr(written) == repr(model.build((28, 28)))
    assert repr(written.loss) == repr(model.loss)
    assert written.dtype == model.dtype
    rates = [getattr(p.regularizer, "rate", 0) for p in written.store]
    assert rates == [getattr(p.regularizer, "rate", 0) for p in model.built()]


def test_learning_rate_decays_after_each_epoch(call: Call, tmp_path: Path) -> None:
    argv = ["--epochs", 3, "--batch-size", 5000, "--quiet", "--lr", 0.01, "--decay", 1]
    assert call("train", "--model", "softmax", *argv, "--out", tmp_path).status == 0
    rates = [line["learning_rate"] for line in history_of(tmp_path)]
    assert rates == pytest.approx([0.01, 0.005, 0.0025])


@pytest.mark.parametrize(
    ("options", "taught"),
    [
        ("--model softmax --hidden 8", "--hidden is about hidden layers"),
        ("--model softmax --batch-norm", "use --model mlp"),
        ("--model softmax --dropout 0.1", "--dropout is about hidden layers"),
        ("--optimizer sgd --beta 0.9", "use --optimizer momentum"),
        ("--weight-decay 0.1", "--weight-decay belongs to adamw, not to adam"),
        ("--early-stopping 2 --validation 0", "--validation 0 holds no images out"),
        ("--early-stopping 0", "patience must be a whole number of at least 1"),
        ("--validation 1", "validation must be in [0, 1)"),
        ("--validation 1/0", "expected a fraction such as 0.1 or 1/12, got '1/0'"),
        ("--epochs 0", "epochs must be a whole number of at least 1, got 0"),
        ("--batch-size 0", "batch_size must be a whole number of at least 1, got 0"),
        ("--hidden 0", "hidden must be a whole number of at least 1, got 0"),
        ("--hidden many", "--hidden takes whole numbers: 256 30 or 256,30; got 'many'"),
        ("--dropout 0.1 0.2", "for the input and each of 2 hidden layers"),
        ("--dropout 1", "dropout must be in [0, 1), got 1.0"),
        ("--l2 -1", "l2 must be at least 0"),
        ("--lr 0", "lr must be greater than 0"),
        ("--lr nan", "lr must be"),
        ("--beta 1", "must be in [0, 1), got 1.0"),
        ("--clip-norm 0", "clip_norm must be greater than 0"),
        ("--seed -1", "seed must be a whole number of at least 0"),
        ("--loss L3", "invalid choice: 'L3'"),
        ("--epoch 3", "unrecognized option --epoch: did you mean --epochs?"),
        ("--hidden 1000000000000", "GB of memory"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    call: Call, tmp_path: Path, options: str, taught: str
) -> None:
    done = call("train", "--out", tmp_path / "never", *options.split())
    assert done.status == 2
    assert taught in done.err
    assert done.err.startswith("lamella: ")
    assert done.err.count("\n") == 1
    assert not list(tmp_path.glob("never/*"))
