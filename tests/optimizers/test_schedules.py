"""Learning rates by hand, by the torch schedulers they equal, and in training."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamella as lm
from lamella.core.errors import UsageError
from lamella.optimizers import schedules

# Rates at these numbers of epochs done, by hand.
CASES: dict[str, tuple[lm.Schedule, dict[float, float]]] = {
    "StepDecay": (
        lm.StepDecay(0.8, every=3, factor=0.5),
        {0: 0.8, 2.99: 0.8, 3: 0.4, 5.5: 0.4, 6: 0.2, 9: 0.1},
    ),
    "ExponentialDecay": (
        lm.ExponentialDecay(0.8, factor=0.5),
        {0: 0.8, 0.99: 0.8, 1: 0.4, 2.5: 0.2, 3: 0.1},
    ),
    "InverseDecay": (
        lm.InverseDecay(0.8, decay=1.0),
        {0: 0.8, 0.99: 0.8, 1: 0.4, 2.5: 0.2, 3: 0.1},
    ),
    "InverseTimeDecay": (
        lm.InverseTimeDecay(1.0, decay=0.5),
        {0: 1.0, 1: 1 / 1.5, 2: 0.5, 3: 0.4, 0.5: 0.8, 18: 0.1},
    ),
    "LinearDecay": (
        lm.LinearDecay(1.0, epochs=4, floor=0.2),
        {0: 1.0, 1: 0.8, 2.5: 0.5, 4: 0.2, 9: 0.2},
    ),
    "PiecewiseConstant": (
        lm.PiecewiseConstant([2, 4.5], [0.8, 0.1, 0.05]),
        {0: 0.8, 1.99: 0.8, 2: 0.1, 4.4: 0.1, 4.5: 0.05, 99: 0.05},
    ),
    "CosineDecayRestarts": (
        lm.CosineDecayRestarts(1.0, epochs=2, factor=2, floor=0.2),
        {0: 1.0, 1: 0.6, 2: 1.0, 4: 0.6, 6: 1.0, 10: 0.6, 14: 1.0},
    ),
    "CosineDecay": (
        lm.CosineDecay(1.0, epochs=6, floor=0.2),
        {0: 1.0, 2: 0.8, 3: 0.6, 4: 0.4, 6: 0.2, 7: 0.2, 100: 0.2},
    ),
    "Warmup": (
        lm.Warmup(0.8, epochs=4, start=0.5),
        {0: 0.4, 1: 0.5, 2: 0.6, 3.5: 0.75, 4: 0.8, 9: 0.8},
    ),
}
every_schedule = pytest.mark.parametrize("name", CASES)


def test_every_public_schedule_has_a_case() -> None:
    public = {
        name
        for name, item in vars(schedules).items()
        if isinstance(item, type) and issubclass(item, lm.Schedule) and not name.startswith("_")
    }
    assert public - {"Schedule"} == set(schedules.__all__) == set(CASES)


@every_schedule
def test_rates_are_the_formula(name: str) -> None:
    schedule, rates = CASES[name]
    got = [schedule(progress) for progress in rates]
    np.testing.assert_allclose(got, list(rates.values()), rtol=1e-14)


def test_warmup_follows_the_schedule_it_wraps_from_the_very_start() -> None:
    schedule = lm.Warmup(lm.StepDecay(1.0, every=2, factor=0.1), epochs=4, start=0.2)
    got = [schedule(progress) for progress in (0, 1, 2, 3, 4, 6)]
    np.testing.assert_allclose(got, [0.2, 0.4, 0.06, 0.08, 0.01, 0.001], rtol=1e-14)


def test_delayed_schedule_begins_where_the_rise_ends() -> None:
    schedule = lm.Warmup(lm.StepDecay(1.0, every=2, factor=0.1), epochs=4, start=0.2, delay=True)
    got = [schedule(progress) for progress in (0, 1, 2, 3, 4, 5.9, 6, 8)]
    np.testing.assert_allclose(got, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.1, 0.01], rtol=1e-14)


# Rates of Keras 3.15.1, whose steps are epochs here: in float32.
KERAS: dict[str, tuple[lm.Schedule, list[float], list[float]]] = {
    "InverseTimeDecay(0.1, 4, 0.5)": (
        lm.InverseTimeDecay(0.1, 0.5 / 4),
        [0, 3, 6, 9],
        [0.10000000149011612, 0.072727270424366, 0.05714285746216774, 0.0470588244497776],
    ),
    "PolynomialDecay(0.1, 4, 0.02, 1.0)": (
        lm.LinearDecay(0.1, 4, floor=0.02),
        [0, 1, 2, 3, 4, 6],
        [0.1, 0.07999999821186066, 0.05999999865889549, 0.03999999910593033, 0.02, 0.02],
    ),
    # Its boundaries hold the old value, ours the new one.
    "PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.01])": (
        lm.PiecewiseConstant([2 + 1e-9, 5 + 1e-9], [0.1, 0.05, 0.01]),
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.01, 0.01],
    ),
    "CosineDecayRestarts(0.1, 2, t_mul=2.0, m_mul=1.0, alpha=0.1)": (
        lm.CosineDecayRestarts(0.1, 2, factor=2, floor=0.01),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
        [
            *(0.10000000149011612, 0.05499999597668648, 0.10000000149011612, 0.08681981265544891),
            *(0.05499999597668648, 0.023180196061730385, 0.10000000149011612, 0.0965745821595192),
            0.08681981265544891,
        ],
    ),
    "CosineDecay(0.0, 6, alpha=0.1, warmup_target=0.1, warmup_steps=2)": (
        lm.Warmup(lm.CosineDecay(0.1, 6, floor=0.01), epochs=2, start=0.0, delay=True),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [
            *(0.0, 0.05000000074505806, 0.10000000149011612, 0.0939711481332779),
            *(0.07750000059604645, 0.05499999597668648, 0.032499995082616806),
            *(0.016028856858611107, 0.010000000707805157, 0.010000000707805157),
        ],
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_rates_equal_those_of_keras(name: str) -> None:
    schedule, at, expected = KERAS[name]
    np.testing.assert_allclose([schedule(t) for t in at], expected, rtol=1e-6)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    name=st.sampled_from([name for name in CASES if name not in ("Warmup", "CosineDecayRestarts")]),
    first=st.floats(0, 50),
    second=st.floats(0, 50),
)
def test_decays_never_rise(name: str, first: float, second: float) -> None:
    schedule = CASES[name][0]
    early, late = sorted((first, second))
    assert schedule(0) >= schedule(early) >= schedule(late) > 0


TORCH_TWINS: dict[str, tuple[lm.Schedule, Callable[[Any, Any], Any]]] = {
    "StepLR": (
        lm.StepDecay(0.3, every=4, factor=0.7),
        lambda s, o: s.StepLR(o, step_size=4, gamma=0.7),
    ),
    "ExponentialLR": (
        lm.ExponentialDecay(0.3, factor=0.9),
        lambda s, o: s.ExponentialLR(o, gamma=0.9),
    ),
    "CosineAnnealingLR": (
        lm.CosineDecay(0.3, epochs=12, floor=0.01),
        lambda s, o: s.CosineAnnealingLR(o, T_max=12, eta_min=0.01),
    ),
    "LinearLR": (
        lm.Warmup(0.3, epochs=5, start=0.25),
        lambda s, o: s.LinearLR(o, start_factor=0.25, total_iters=5),
    ),
    "LinearLR, falling": (
        lm.LinearDecay(0.3, epochs=5, floor=0.03),
        lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=5),
    ),
    "MultiStepLR": (
        lm.PiecewiseConstant([2, 7, 8], [0.3, 0.15, 0.075, 0.0375]),
        lambda s, o: s.MultiStepLR(o, milestones=[2, 7, 8], gamma=0.5),
    ),
    "CosineAnnealingWarmRestarts": (
        lm.CosineDecayRestarts(0.3, epochs=3, factor=2, floor=0.01),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.01),
    ),
    "CosineAnnealingWarmRestarts, of equal length": (
        lm.CosineDecayRestarts(0.3, epochs=4),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4),
    ),
    "SequentialLR": (
        lm.Warmup(lm.CosineDecay(0.3, epochs=9), epochs=4, start=0.25, delay=True),
        lambda s, o: s.SequentialLR(
            o,
            [s.LinearLR(o, start_factor=0.25, total_iters=4), s.CosineAnnealingLR(o, T_max=9)],
            milestones=[4],
        ),
    ),
}


@pytest.mark.parametrize("name", TORCH_TWINS)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
def test_rates_equal_the_torch_scheduler_of_the_docstring(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is the peer this schedule is compared with")
    schedule, make = TORCH_TWINS[name]
    peer = name.partition(",")[0]
    assert peer in " ".join(type(schedule).__doc__.split())
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    optimizer = torch.optim.SGD([weight], lr=0.3)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    expected = []
    for _ in range(13):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose([schedule(epoch) for epoch in range(13)], expected, rtol=1e-12)


def trained(schedule: lm.Schedule) -> lm.Sequential:
    model = lm.Sequential([lm.Dense(1)], seed=0, backend="numpy", dtype="float64")
    return model.compile(lm.MeanSquaredError(), lm.SGD(schedule), in_shape=(1,))


def test_fit_logs_the_rate_of_each_epoch() -> None:
    x = np.linspace(-1, 1, 8)[:, None]
    history = trained(lm.ExponentialDecay(0.4, 0.5)).fit(
        x, x, epochs=3, batch_size=4, verbose=False
    )
    np.testing.assert_allclose(history["learning_rate"], [0.4, 0.2, 0.1], rtol=1e-14)


def test_fit_goes_on_where_the_last_fit_ended() -> None:
    x, model = np.linspace(-1, 1, 8)[:, None], trained(lm.ExponentialDecay(0.4, 0.5))
    model.fit(x, x, epochs=2, batch_size=4, verbose=False)
    history = model.fit(x, x, epochs=2, batch_size=4, verbose=False)
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05], rtol=1e-14)


def test_cosine_falls_with_every_batch_of_a_fit() -> None:
    seen = []

    class Watch(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            seen.append(model.optimizer.learning_rate)

    x = np.linspace(-1, 1, 10)[:, None]
    trained(lm.CosineDecay(0.4, epochs=2)).fit(
        x, x, epochs=2, batch_size=4, callbacks=[Watch()], verbose=False
    )
    expected = [0.2 * (1 + math.cos(math.pi * step / 6)) for step in range(6)]
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_own_loop_moves_the_schedule_with_every_step() -> None:
    x, model, seen = np.ones((2, 1)), trained(lm.StepDecay(0.4, every=2, factor=0.5)), []
    for _ in range(5):
        model.train_step(x, x)
        seen.append(model.optimizer.learning_rate)
    np.testing.assert_allclose(seen, [0.4, 0.4, 0.2, 0.2, 0.1], rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lm.StepDecay(0, every=1), "lr must be greater than 0, got 0"),
        (lambda: lm.StepDecay(0.1, every=0), "every must be a whole number of at least 1, got 0"),
        (lambda: lm.StepDecay(0.1, every=1.5), "every must be a whole number"),
        (lambda: lm.StepDecay(0.1, every=1, factor=1.1), r"factor must be in \(0, 1\], got 1\.1"),
        (lambda: lm.ExponentialDecay(0.1, factor=0), r"factor must be in \(0, 1\], got 0"),
        (lambda: lm.InverseDecay(0.1, decay=-1), "decay must be .*got -1"),
        (lambda: lm.CosineDecay(0.1, epochs=0), "epochs must be greater than 0, got 0"),
        (lambda: lm.CosineDecay(0.1, epochs=5, floor=0.2), r"floor must be in \[0, 0\.1\], got 0"),
        (lambda: lm.LinearDecay(0.1, epochs=5, floor=0.2), r"floor must be in \[0, 0\.1\]"),
        (lambda: lm.InverseTimeDecay(0.1, decay=-1), "decay must be at least 0, got -1"),
        (lambda: lm.CosineDecayRestarts(0.1, 2, factor=0.5), "factor must be a whole number"),
        (
            lambda: lm.PiecewiseConstant([3, 3], [1, 2, 3]),
            r"boundaries must increase, got \[3, 3\]",
        ),
        (lambda: lm.PiecewiseConstant([3], [1]), r"values must be one more .*: 2, got \[1\]"),
        (lambda: lm.PiecewiseConstant([0], [1, 2]), "boundaries must be greater than 0, got 0"),
        (lambda: lm.PiecewiseConstant([1], [1, 0]), "values must be greater than 0, got 0"),
        (lambda: lm.PiecewiseConstant(3, [1, 2]), "boundaries must be a list of numbers, got 3"),
        (lambda: lm.Warmup(0.1, epochs=5, delay=1), "delay must be a bool"),
        (lambda: lm.Warmup("0.1", epochs=5), "schedule must be a Schedule such as"),
        (lambda: lm.Warmup(lm.StepDecay, epochs=5), r"got the class StepDecay: add \(\)"),
        (lambda: lm.Warmup(0.1, epochs=5, start=2), r"start must be in \[0, 1\], got 2"),
        (lambda: lm.SGD(lm.StepDecay), r"lr must be an object, got the class StepDecay: add \(\)"),
    ],
)
def test_bad_arguments_are_refused(make: Callable[[], object], text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        make()


def test_custom_schedule_drives_an_optimizer() -> None:
    class Halving(lm.Schedule):
        def __init__(self, lr: float) -> None:
            self.lr = lr

        def __call__(self, progress: float) -> float:
            return self.lr / 2**progress

    x, model = np.ones((2, 1)), trained(Halving(0.4))
    for rate in (0.4, 0.2, 0.1):
        model.train_step(x, x)
        np.testing.assert_allclose(model.optimizer.learning_rate, rate, rtol=1e-14)


class Falls(lm.Schedule):
    """A rate that is valid in the first epochs only."""

    def __init__(self, end: Any) -> None:
        self.end = end

    def __call__(self, progress: float) -> float:
        return 0.1 if progress < 2 else self.end  # type: ignore[no-any-return]


@pytest.mark.parametrize("end", [-0.1, math.nan, math.inf, None, "a", np.ones(2)])
def test_a_schedule_that_gives_no_rate_is_named_with_its_epoch(end: Any) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=0)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(Falls(end)), in_shape=(4,))
    x, y = np.ones((8, 4), np.float32), np.arange(8) % 3
    with pytest.raises(UsageError, match=r"the schedule Falls gives .* after 2 epochs"):
        model.fit(x, y, epochs=4, verbose=False, check=False)
    assert model.epochs_done == 2


def test_a_schedule_of_a_schedule_may_end_at_zero() -> None:
    assert schedules.rate_at(lm.Warmup(Falls(0), 1), 3.0) == 0
