"""Rules of the doctor: findings from layer statistics and from overfitting one batch."""

from collections.abc import Iterator, Sequence

import numpy as np

from lamella.layers import Dropout
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.finding import Finding
from lamella.training.diagnostics.layer_stats import LayerStats
from lamella.training.diagnostics.overfit_one_batch import Attempt

DEAD, SATURATED = 0.5, 0.9  # fraction of units
EXPLODED = 100.0  # spread of outputs, relative to the scale of inputs and targets
ALIKE = 1e-5  # spread of outputs over samples
VANISHED = 1e-5  # gradient of a layer, relative to the largest of the network
JUMP = 3.0  # largest loss, relative to the larger of first loss and baseline

DEAD_UNITS, ALIKE_OUTPUTS, NO_GRADIENT = "dead ReLUs", "outputs all alike", "no gradient"
EXPLODING = "exploding activations"
# Causes other than the learning rate: with one of them, no other rate is recommended.
ROOT_CAUSES = {
    EXPLODING,
    "unscaled inputs",
    "unscaled targets",
    "features of different scale",
    "loss does not fit the last layer",
}


def layer_findings(layers: Sequence[LayerStats], scale: float) -> list[Finding]:
    """Return the problems of layers; ``scale`` is the root mean square of inputs and targets.

    A problem that propagates from layer to layer is reported at the first one.
    """
    found = [*_shapes(layers), *_outputs(layers, scale)]
    return [*found, *_gradients(layers, {finding.name for finding in found})]


def _shapes(layers: Sequence[LayerStats]) -> Iterator[Finding]:
    for layer in layers:
        if layer.shape != layer.declared:
            yield Finding(
                "wrong shape",
                f"layer {layer.name} returns samples of shape {layer.shape}, but its build "
                f"returned {layer.declared}",
                "to return the shape of forward from build (lamella.testing.check_layer)",
            )


def _outputs(layers: Sequence[LayerStats], scale: float) -> Iterator[Finding]:
    dead = next((layer for layer in layers if (layer.dead or 0) > DEAD), None)
    if dead:
        yield Finding(
            DEAD_UNITS,
            f"{dead.dead:.0%} of the units of layer {dead.name} are 0 for every sample and "
            "can no longer learn",
            "a smaller learning rate, biases that start at 0, LeakyReLU(), or BatchNorm() before",
        )
    large = next((layer for layer in layers if layer.spread > EXPLODED * scale), None)
    if large:
        yield Finding(
            EXPLODING,
            f"the outputs of layer {large.name} vary by {large.spread:.3g} between samples, "
            f"but the scale of inputs and targets is {scale:.3g}",
            'init="he_normal" before ReLU, "glorot_uniform" elsewhere, or BatchNorm()',
        )
    alike = next((layer for layer in layers if layer.spread < ALIKE), None)
    if alike and not dead:
        yield Finding(
            ALIKE_OUTPUTS,
            f"the outputs of layer {alike.name} hardly depend on the sample: they vary by "
            f"{alike.spread:.2g}",
            "larger initial weights (he_normal, glorot_uniform), BatchNorm(), or varied inputs",
        )
    saturated = next((a for a in layers[:-1] if (a.saturated or 0) > SATURATED), None)
    if saturated:
        yield Finding(
            "saturated units",
            f"{saturated.saturated:.0%} of the outputs of layer {saturated.name} are at their "
            "limits, where the slope is almost 0",
            "smaller initial weights, scaled inputs, or BatchNorm() before",
        )


def _gradients(layers: Sequence[LayerStats], found: set[str]) -> Iterator[Finding]:
    trained = [layer for layer in layers if layer.gradient is not None]
    largest = max((layer.gradient or 0.0 for layer in trained), default=0.0)
    weak = [layer for layer in trained if not (layer.gradient or 0.0) > VANISHED * largest]
    if not weak or not np.isfinite(largest) or found & {DEAD_UNITS, ALIKE_OUTPUTS}:
        return
    least = weak[-1]
    if least.gradient == 0:
        yield Finding(
            NO_GRADIENT,
            f"the gradient of every parameter of layer {least.name} is 0",
            "to assign self.<parameter>.grad in its backward (lamella.testing.check_layer)"
            if least.output_gradient
            else "to return dx from backward of all later layers (lamella.testing.check_layer)",
        )
    else:
        yield Finding(
            "vanishing gradients",
            f"the gradient of layer {least.name} is {least.gradient:.2g}, the largest of the "
            f"network {largest:.2g}",
            "ReLU() in place of Sigmoid() and Tanh(), BatchNorm(), or fewer layers",
        )


def rate_cannot_help(findings: Sequence[Finding]) -> bool:
    """Whether no learning rate can help."""
    names = {finding.name for finding in findings}
    return bool(names & {DEAD_UNITS, ALIKE_OUTPUTS, NO_GRADIENT, "wrong shape"})


def learning_findings(
    model: Trainable, first: Attempt, other: Attempt | None, found: Sequence[Finding]
) -> Iterator[Finding]:
    """Return the findings of an attempt; ``other`` learned at another learning rate."""
    if first.first_nan:
        yield Finding(
            "NaN or infinity",
            f"the first non-finite number appeared in {first.first_nan}",
            _against_nan(first, {finding.name for finding in found}),
        )
    peak, start = max(first.losses), max(first.losses[0], first.baseline)
    jumped = peak - first.least > JUMP * (start - first.least)
    if other is not None and not {finding.name for finding in found} & ROOT_CAUSES:
        level = "high" if other.learning_rate < first.learning_rate else "low"
        yield Finding(
            f"learning rate too {level}",
            f"at {first.learning_rate:.3g} the loss of one batch went from {first.losses[0]:.3g} "
            f"to {first.losses[-1]:.3g} in {len(first.losses)} steps; at "
            f"{other.learning_rate:.3g} the batch was learned in {len(other.losses)}",
            f"lr={other.learning_rate:.1g}",
        )
    elif first.learned and jumped:
        yield Finding(
            "learning rate too high",
            f"the loss of one batch rose from {first.losses[0]:.3g} to {peak:.3g} before it fell",
            f"lr={first.learning_rate / 10:.1g}",
        )
    elif not first.learned:
        yield _cannot_learn(model, first, other, rates_tried=not rate_cannot_help(found))


def _against_nan(first: Attempt, found: set[str]) -> str:
    if found & ROOT_CAUSES:
        return "to fix the findings above first"
    if len(first.losses) > 1:
        return "a smaller learning rate, or clip_norm=1.0 in the optimizer"
    return "to check the mathematics of that place, such as a division by 0 or log(0)"


def _cannot_learn(
    model: Trainable, first: Attempt, other: Attempt | None, rates_tried: bool
) -> Finding:
    ideas = ["the advice above"] if other or not rates_tried else []
    if model.regularized:
        ideas.append("smaller penalties")
    if any(isinstance(layer, Dropout) for layer in model.layers):
        ideas.append("less dropout")
    if other:
        ideas.append(f"if that is not enough, lr={other.learning_rate:.1g}, which learned it")
    else:
        ideas += ["wider layers", "to check for equal inputs with different y"]
    return Finding(
        "cannot learn one batch",
        f"the loss went from {first.losses[0]:.3g} to {first.losses[-1]:.3g} in "
        f"{len(first.losses)} steps; the goal is {first.goal:.2g}"
        + ("; other learning rates did not help" * (rates_tried and not other)),
        ", ".join(ideas),
    )
