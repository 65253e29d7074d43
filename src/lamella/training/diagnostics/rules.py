"""What the doctor makes of the numbers: findings of layers, and of learning one batch by heart."""

from collections.abc import Iterator, Sequence

import numpy as np

from lamella.layers import Dropout
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.finding import Finding
from lamella.training.diagnostics.layer_stats import LayerHealth
from lamella.training.diagnostics.overfit_one_batch import Attempt

DEAD, SATURATED = 0.5, 0.9  # share of units
EXPLODED = 100.0  # spread of outputs, beside the size of inputs and targets
ALIKE = 1e-5  # spread of outputs between samples
VANISHED = 1e-5  # gradient of a layer, beside the largest of the network
JUMP = 3.0  # of the loss, beside its start and guessing

DEAD_UNITS, ALIKE_OUTPUTS, NO_GRADIENT = "dead ReLUs", "outputs all alike", "no gradient"
EXPLODING = "exploding activations"
# Where one of these is found, the learning rate is not what is to be changed.
ROOTS = {
    EXPLODING,
    "unscaled inputs",
    "unscaled targets",
    "features of different scale",
    "loss does not fit the last layer",
}


def layer_findings(layers: Sequence[LayerHealth], scale: float) -> list[Finding]:
    """Return what is wrong with layers; ``scale`` is the size of inputs and targets.

    Of a sickness that is handed on from layer to layer the first place is told.
    """
    found = [*_shapes(layers), *_outputs(layers, scale)]
    return [*found, *_gradients(layers, {finding.name for finding in found})]


def _shapes(layers: Sequence[LayerHealth]) -> Iterator[Finding]:
    for layer in layers:
        if layer.shape != layer.declared:
            yield Finding(
                "wrong shape",
                f"layer {layer.name} gives samples of shape {layer.shape}, but its build "
                f"returned {layer.declared}",
                "to return from build what forward gives, or lamella.testing.check_layer",
            )


def _outputs(layers: Sequence[LayerHealth], scale: float) -> Iterator[Finding]:
    dead = next((layer for layer in layers if (layer.dead or 0) > DEAD), None)
    if dead:
        yield Finding(
            DEAD_UNITS,
            f"{dead.dead:.0%} of the units of layer {dead.name} are 0 for every sample, and "
            "cannot learn any more",
            "a smaller learning rate, biases that start at 0, LeakyReLU(), or BatchNorm() before",
        )
    large = next((layer for layer in layers if layer.spread > EXPLODED * scale), None)
    if large:
        yield Finding(
            EXPLODING,
            f"the outputs of layer {large.name} differ by {large.spread:.3g} between samples, "
            f"where inputs and targets are {scale:.3g} in size",
            'init="he_normal" before ReLU, "glorot_uniform" elsewhere, or BatchNorm()',
        )
    alike = next((layer for layer in layers if layer.spread < ALIKE), None)
    if alike and not dead:
        yield Finding(
            ALIKE_OUTPUTS,
            f"what layer {alike.name} gives hardly depends on the sample: it differs by "
            f"{alike.spread:.2g}",
            "larger start weights (he_normal, glorot_uniform), BatchNorm(), or inputs that differ",
        )
    full = next((a for a in layers[:-1] if (a.saturated or 0) > SATURATED), None)
    if full:
        yield Finding(
            "saturated units",
            f"{full.saturated:.0%} of the outputs of layer {full.name} are at their limits, where "
            "the slope is almost 0",
            "smaller start weights, scaled inputs, or BatchNorm() before",
        )


def _gradients(layers: Sequence[LayerHealth], found: set[str]) -> Iterator[Finding]:
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
            "to see that its backward assigns self.<parameter>.grad (lamella.testing.check_layer)"
            if least.arriving
            else "to see that the layers after it hand dx back (lamella.testing.check_layer)",
        )
    else:
        yield Finding(
            "vanishing gradients",
            f"the gradient of layer {least.name} is {least.gradient:.2g}, the largest of the "
            f"network {largest:.2g}",
            "ReLU() in place of Sigmoid() and Tanh(), BatchNorm(), or fewer layers",
        )


def network_is_sick(findings: Sequence[Finding]) -> bool:
    """Whether no learning rate can help."""
    names = {finding.name for finding in findings}
    return bool(names & {DEAD_UNITS, ALIKE_OUTPUTS, NO_GRADIENT, "wrong shape"})


def learning_findings(
    model: Trainable, first: Attempt, other: Attempt | None, found: Sequence[Finding]
) -> Iterator[Finding]:
    """Look at the attempt to learn a batch, and at ``other``, that learned it at another rate."""
    if first.first_nan:
        yield Finding(
            "NaN or infinity",
            f"the first number that is not finite appeared in {first.first_nan}",
            _against_nan(first, {finding.name for finding in found}),
        )
    peak, start = max(first.losses), max(first.losses[0], first.guess)
    jumped = peak > JUMP * start
    if other is not None and not {finding.name for finding in found} & ROOTS:
        size = "high" if other.rate < first.rate else "low"
        yield Finding(
            f"learning rate too {size}",
            f"at {first.rate:.3g} the loss of one batch went from {first.losses[0]:.3g} to "
            f"{first.losses[-1]:.3g} in {len(first.losses)} steps; at {other.rate:.3g} the batch "
            f"was learned in {len(other.losses)}",
            f"lr={other.rate:.1g}",
        )
    elif first.learned and jumped:
        yield Finding(
            "learning rate too high",
            f"the loss of one batch rose from {first.losses[0]:.3g} to {peak:.3g} on its way",
            f"lr={first.rate / 10:.1g}",
        )
    elif not first.learned:
        yield _cannot_learn(model, first, other, rates_tried=not network_is_sick(found))


def _against_nan(first: Attempt, found: set[str]) -> str:
    if found & ROOTS:
        return "to mend what is said above first"
    if len(first.losses) > 1:
        return "a smaller learning rate, or clip_norm=1.0 in the optimizer"
    return "to look at the mathematics of that place, such as a division or a log of 0"


def _cannot_learn(
    model: Trainable, first: Attempt, other: Attempt | None, rates_tried: bool
) -> Finding:
    ideas = ["what is said above"] if other or not rates_tried else []
    if model.regularized:
        ideas.append("smaller penalties")
    if any(isinstance(layer, Dropout) for layer in model.layers):
        ideas.append("less dropout")
    if other:
        ideas.append(f"if that is not enough, lr={other.rate:.1g}, where it was learned")
    else:
        ideas += ["wider layers", "a look whether equal inputs have unequal y"]
    return Finding(
        "cannot learn one batch",
        f"the loss went from {first.losses[0]:.3g} to {first.losses[-1]:.3g} in "
        f"{len(first.losses)} steps, where {first.goal:.2g} was to be reached"
        + ("; other learning rates did not help" * (rates_tried and not other)),
        ", ".join(ideas),
    )
