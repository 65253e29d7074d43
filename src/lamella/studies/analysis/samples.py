"""Variance over seeds and over test samples, from the right and wrong answers of every run.

A score on a test set varies for two reasons: other seeds give other networks, and other test
samples would give another score to the same networks. With d[s, i] for seed s and sample i, this is
a two-way layout with both effects random, as of readers and cases in medical imaging.

References
----------
Obuchowski and Rockette, Hypothesis testing of diagnostic accuracy for multiple readers and multiple
tests, 1995. Hillis, A comparison of denominator degrees of freedom methods for multiple observer
ROC analysis, 2007.
"""

import numpy as np

from lamella.studies.analysis.student import Student


def seeds_and_samples(d: np.ndarray) -> tuple[Student, Student] | None:
    """Return the mean of ``d`` with its error over seeds, and over seeds and test samples.

    Parameters
    ----------
    d : array (S, N)
        Right (1) or wrong (0) of S >= 2 runs on N >= 2 test samples, or the difference of two arms,
        paired by seed.

    Returns
    -------
    tuple of Student, or None
        None if all seeds agree on every sample: the variance over seeds is then unknown.

    Notes
    -----
    With the sums of squares of seeds, samples and residuals,

        V_seed = var_s(mean_i d) / S,  V_img = var_i(mean_s d) / N,
        V_e = SS_residual / ((S - 1) (N - 1)) / (S N).

    V_seed estimates the variance over seeds with S - 1 degrees of freedom, so that with few seeds
    and scores near 100% it is often far too small, even 0. The residual, which it includes, is
    known from S N numbers: V' = max(V_seed, V_e). Both together have V = V' + max(V_img - V_e, 0)
    and (S - 1) (V / V')^2 degrees of freedom.
    """
    d = np.asarray(d, np.float64)
    seeds, samples = d.shape
    by_seed, by_sample, mean = d.mean(axis=1), d.mean(axis=0), float(d.mean())
    residual = ((d - by_seed[:, None] - by_sample + mean) ** 2).sum()
    v_seed = by_seed.var(ddof=1) / seeds
    v_sample = by_sample.var(ddof=1) / samples
    v_residual = residual / ((seeds - 1) * (samples - 1)) / (seeds * samples)
    v_floored = float(max(v_seed, v_residual))
    if v_floored < 1e-20:  # what rounding leaves of zero
        return None
    both = v_floored + max(float(v_sample - v_residual), 0.0)
    df = (seeds - 1) * (both / v_floored) ** 2
    return Student(mean, v_floored**0.5, seeds - 1), Student(mean, both**0.5, df)
