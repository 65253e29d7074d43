"""JAX: the whole epoch as one compiled ``lax.scan``, with optax for the update rules."""

from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp

from benchmarks.peers.contestant import Contestant, Material, as_rows, order
from benchmarks.peers.tasks import MOMENTUM, Task

BN_MOMENTUM, BN_EPS = 0.9, 1e-5
Params = list[dict[str, jax.Array]]


def start(task: Task, weights: list[np.ndarray]) -> tuple[Params, Params]:
    """Return parameters and running statistics, as lists with an entry for each dense layer."""
    params, running = [], []
    for i, w in enumerate(weights):
        # Copies: JAX may use numpy's memory directly, and the epochs below donate it.
        layer = {"W": jnp.array(w, copy=True)}
        normalized = task.regularized and i < len(weights) - 1
        if normalized:
            layer |= {"gamma": jnp.ones(w.shape[1]), "beta": jnp.zeros(w.shape[1])}
        else:
            layer["b"] = jnp.zeros(w.shape[1])
        params.append(layer)
        ones, zeros = jnp.ones(w.shape[1]), jnp.zeros(w.shape[1])
        running.append({"mean": zeros, "var": ones} if normalized else {})
    return params, running


def make_optimizer(task: Task) -> optax.GradientTransformation:
    """Return the optimizer; L2 is for weight matrices only."""
    if task.optimizer == "adam":
        rule = optax.adam(task.learning_rate)
    else:
        rule = optax.sgd(task.learning_rate, MOMENTUM if task.optimizer == "momentum" else None)
    if not task.l2:
        return rule
    matrices = partial(jax.tree.map, lambda p: p.ndim > 1)
    return optax.chain(optax.add_decayed_weights(task.l2, mask=matrices), rule)


def forward(
    task: Task, params: Params, running: Params, x: jax.Array, noise: jax.Array | None
) -> tuple[jax.Array, Params]:
    """Return logits and new running statistics; ``noise`` means training mode."""
    seen = []
    for i, (layer, stats) in enumerate(zip(params, running, strict=True)):
        x = x @ layer["W"]
        if "b" in layer:
            x = x + layer["b"]
        if stats:
            x, stats = normalize(layer, stats, x, noise is not None)
        seen.append(stats)
        if i < len(params) - 1:
            x = jax.nn.relu(x)
            if task.dropout and noise is not None:
                keep = jax.random.bernoulli(jax.random.fold_in(noise, i), 1 - task.dropout, x.shape)
                x = jnp.where(keep, x / (1 - task.dropout), 0)
    return x, seen


def normalize(
    layer: dict[str, jax.Array], stats: dict[str, jax.Array], x: jax.Array, training: bool
) -> tuple[jax.Array, dict[str, jax.Array]]:
    mean, var = stats["mean"], stats["var"]
    if training:
        mean, var = x.mean(axis=0), x.var(axis=0)
        unbiased = var * len(x) / (len(x) - 1)
        keep, take = BN_MOMENTUM, 1 - BN_MOMENTUM
        stats = {
            "mean": keep * stats["mean"] + take * mean,
            "var": keep * stats["var"] + take * unbiased,
        }
    return (x - mean) * jax.lax.rsqrt(var + BN_EPS) * layer["gamma"] + layer["beta"], stats


def make_epoch(task: Task, optimizer: optax.GradientTransformation) -> Any:
    """Return the compiled function (state, images, labels, order) -> (state, mean loss)."""

    def mean_loss(params: Params, running: Params, x: Any, y: Any, noise: Any) -> Any:
        logits, seen = forward(task, params, running, x, noise)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), seen

    def step(images: Any, labels: Any, state: Any, rows: Any) -> Any:
        params, running, moments, noise = state
        noise, now = jax.random.split(noise) if task.dropout else (noise, noise)
        gradient = jax.value_and_grad(mean_loss, has_aux=True)
        (loss, running), grads = gradient(params, running, images[rows], labels[rows], now)
        updates, moments = optimizer.update(grads, moments, params)
        return (optax.apply_updates(params, updates), running, moments, noise), loss

    @partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, images: Any, labels: Any, order: Any) -> Any:
        whole = len(order) // task.batch * task.batch
        one = partial(step, images, labels)
        state, losses = jax.lax.scan(one, state, order[:whole].reshape(-1, task.batch))
        total = losses.sum()
        if whole < len(order):
            state, rest = one(state, order[whole:])
            total += rest
        return state, total / task.steps(len(order))

    return epoch


class Jax(Contestant):
    """Images, labels and moments on JAX's default device; batches are gathered inside the scan."""

    def __init__(self, material: Material) -> None:
        self.task = material.task
        optimizer = make_optimizer(self.task)
        params, running = start(self.task, material.weights)
        self.state = (params, running, optimizer.init(params), jax.random.key(0))
        self.epoch = make_epoch(self.task, optimizer)
        self.scores = jax.jit(
            lambda params, running, x: forward(self.task, params, running, x, None)[0]
        )
        self.classes = jax.jit(
            lambda params, running, x: self.scores(params, running, x).argmax(axis=1)
        )
        self.x, self.y = jnp.asarray(as_rows(material.images)), jnp.asarray(material.labels)
        self.test_x = jnp.asarray(as_rows(material.test_images))
        self.test_y = jnp.asarray(material.test_labels)
        self.first: dict[int, jax.Array] = {}

    def train(self, samples: int, epoch: int, key: int) -> None:
        rows = jnp.asarray(order(key, samples).astype(np.int32))
        self.state, loss = self.epoch(self.state, self.x, self.y, rows)
        float(loss)
        jax.block_until_ready(self.state)

    def loss(self, samples: int) -> float:
        logits = self.scores(*self.state[:2], self.test_x[:samples])
        labels = self.test_y[:samples]
        return float(optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean())

    def predict(self, samples: int) -> np.ndarray:
        if samples not in self.first:  # a slice in JAX is a copy, which is not timed
            self.first[samples] = self.test_x[:samples]
        return np.asarray(self.classes(*self.state[:2], self.first[samples]))
