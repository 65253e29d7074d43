"""Simulated studies: scores with known noise, and answers to test samples of a known model."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

Rng = np.random.Generator
NOISES: dict[str, Callable[[Rng, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed (exponential)": lambda rng, shape: 1 - rng.exponential(size=shape),
    "first arm normal, others skewed": lambda rng, shape: np.concatenate(
        [rng.standard_normal((1, shape[1])), 1 - rng.exponential(size=(shape[0] - 1, shape[1]))]
    ),
    "heavy-tailed (t, 3 df)": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "near 1 (1% errors, 200 samples)": lambda rng, shape: -rng.binomial(200, 0.01, shape) / 1.41,
}
"""Noise of a score (arms, seeds), of standard deviation 1; the last has steps, and ends at 100%."""

SHARED = 0.3
"""Correlation of the arms of a seed, as measured on MNIST."""


def scores(rng: Rng, noise: str, arms: int, seeds: int) -> np.ndarray:
    """Return the scores (arms, seeds) of equal arms, with standard deviation 1."""
    draw = NOISES[noise]
    shared, own = draw(rng, (1, seeds)), draw(rng, (arms, seeds))
    found: np.ndarray = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own
    return found


@dataclass(frozen=True)
class Answers:
    """Right and wrong answers of two arms.

    The logit of a right answer is a level of the arm, and normal effects of the sample (sd 4), of
    the sample in the arm (1.5), of the seed (0.077) and of the seed in the arm (0.093). At an
    accuracy of 98% and 10,000 samples, a score then varies over seeds by 0.15 points, and a
    difference over samples by 0.08.

    Attributes
    ----------
    samples : int
    accuracy : float
        Of the second arm.
    effect : float
        By which the first arm is better, over all samples that there are.
    """

    samples: int
    accuracy: float = 0.98
    effect: float = 0.0

    @property
    def levels(self) -> tuple[float, float]:
        """Levels of both arms."""
        return _level(self.accuracy + self.effect), _level(self.accuracy)

    def draw(self, rng: Rng, seeds: int, levels: tuple[float, float]) -> tuple[np.ndarray, float]:
        """Return the answers (2, seeds, samples), and the difference of new seeds on these samples.

        The second is the mean over the normal effects of seeds, by Gauss-Hermite quadrature.
        """
        sample = 4 * rng.standard_normal(self.samples, np.float32)
        seed = 0.077 * rng.standard_normal((seeds, 1), np.float32)
        right, means = [], []
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        for level in levels:
            logit = np.float32(level) + sample
            logit += 1.5 * rng.standard_normal(self.samples, np.float32)
            own = 0.093 * rng.standard_normal((seeds, 1), np.float32)
            right.append(
                rng.random((seeds, self.samples), np.float32) < _logistic(logit + seed + own)
            )
            by_node = [_logistic(logit + np.hypot(0.077, 0.093) * node).mean() for node in nodes]
            means.append(float(np.dot(by_node, weights / weights.sum())))
        return np.array(right), means[0] - means[1]


def _level(accuracy: float) -> float:
    """Return the level at which the mean over all samples is ``accuracy``."""
    spread = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000) * np.sqrt(4**2 + 1.5**2)
    found: float = optimize.brentq(lambda level: _logistic(level + spread).mean() - accuracy, 0, 60)
    return found


def _logistic(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-x))
    return found
