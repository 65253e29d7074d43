"""Interface between lamella and an array library."""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from lamella.backend.distortion import Distortion, distort
from lamella.backend.elementwise import Program
from lamella.backend.random import Noise
from lamella.core.typing import Array


class Backend(ABC):
    """Operations of an array library that go beyond its array functions.

    Attributes
    ----------
    name : str
        "numpy" or "cupy".
    xp : module
        The array module itself; layers write their mathematics with it.
    on_host : bool
        Whether reading a number of an array costs no wait for a device.
    reason : str
        Why this backend was chosen.
    obstacle : str
        Why the last capture has no replay; empty if it has.
    """

    name: str
    xp: Any
    on_host: bool
    reason: str
    obstacle: str = ""

    def __repr__(self) -> str:
        return f"{self.name} ({self.reason})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Backend":
        return self

    @abstractmethod
    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """Return ``array`` as a contiguous array of this backend, copied only where it must be."""

    @abstractmethod
    def to_host(self, array: Array) -> np.ndarray:
        """Return a numpy array with the same values; waits for the device."""

    @abstractmethod
    def zeros(self, size: int, dtype: Any) -> Array:
        """Return a vector of zeros that begins on a 64-byte boundary."""

    @abstractmethod
    def take(self, array: Array, index: Array, out: Array) -> Array:
        """Copy ``array[index]`` (along the first axis) into ``out``; indices must be in range."""

    def batch(self, order: Array, number: Callable[[], int], size: int) -> Array:
        """Return the part of ``order`` of batch ``number()``; each but the last has ``size``."""
        start = number() * size
        return order[start : start + size]

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        """Write the product of two matrices into ``out``, and add ``bias`` to each row.

        Either factor may be a transposed view.
        """
        # Not matmul, which costs more a call and is slow for a batch of one sample.
        self.xp.dot(a, b, out=out)
        if bias is not None:
            out += bias
        return out

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        """Write the sum of a matrix's rows into ``out``."""
        return matrix.sum(axis=-2, out=out)

    def append(self, rows: Array, number: int, value: Array) -> None:
        """Write the 0-d ``value`` into ``rows`` at the number of a batch."""
        rows[number] = value

    def append_sum(
        self, rows: Array, number: int, scores: Array, weight: Array | None = None
    ) -> None:
        """Write the (weighted) sum of the samples' scores into ``rows`` at a batch's number."""
        if weight is not None:
            scores = scores * weight.reshape(-1, *(1,) * (scores.ndim - 1))
        scores.sum(axis=0, out=rows[number, ...])

    def bind_norm_limit(self, vectors: Sequence[Array]) -> Callable[[float], None]:
        """Return a function of a limit, which scales vectors so that their norm is at most that."""

        def run(limit: float) -> None:
            # All on the device: whether to scale is not asked, a factor of 1 is multiplied in.
            squares = [self.sum_of_squares(vector) for vector in vectors]
            norm = self.xp.sqrt(sum(squares[1:], squares[0]))
            factor = self.xp.minimum(limit / (norm + 1e-6), 1.0)
            for vector in vectors:
                vector *= factor

        return run

    def sum_of_squares(self, vector: Array) -> Array:
        """Return the sum of the squares of a vector's elements as a number of its dtype."""
        return self.xp.vdot(vector, vector)

    @abstractmethod
    def noise(self, key: int) -> Noise:
        """Return the random stream with this key, drawing arrays of this backend."""

    @abstractmethod
    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        """Return ``run(*scalars)``, which applies an elementwise rule to these vectors."""

    @abstractmethod
    def map(self, program: Program) -> Callable[..., None]:
        """Return ``run(out, arrays, scalars)``, which applies a rule to whole arrays.

        They have the shape of ``out``, or that of one of its rows, and then serve all rows.
        """

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return a loop over samples compiled, or None where loops are not the fast way.

        Compiled code checks no index: a loop compares the shapes of its arrays, and each index that
        comes from data, and raises an error itself.
        """
        return None

    def capture(
        self, work: Callable[..., Any], arrays: Sequence[Array], memory: Sequence[Any], objects: Any
    ) -> tuple[Any, Callable[[], bool | None] | None]:
        """Return the result of ``work(*arrays)``, and a function that replays it in one call.

        The latter is None where that cannot be done. A replay repeats recorded calls only, over
        the same arrays; any other work on arrays ends the capture. It returns False if the work
        has changed, and should be captured anew.

        Parameters
        ----------
        work : function
        arrays : sequence of array
        memory : sequence of Parameter, State, Scratch and Batches
            All other memory that the work uses; their ``wrap_views`` wraps its arrays.
        objects : sequence of object
            Network and layers, whose attributes the work sets. An array among them that is not
            from ``memory`` ends the capture: its numbers may change unseen.
        """
        return work(*arrays), None

    def follow(self, run: Callable[[], Any], owner: Any, counter: str | None = None) -> Any:
        """Call a function, which captured work calls again in each replay.

        Its calls of compiled rules are the same each time, but their scalars are not. ``counter``
        names the attribute of ``owner`` on which alone the next call depends, if there is
        one: then it is put back after calls in advance.
        """
        return run()

    def aside(self) -> AbstractContextManager[None]:
        """Return the context in which a signal handler computes during a captured step."""
        return nullcontext()

    def report(self, work: str, obstacle: str) -> None:
        """Keep why work of this name is not replayed, to show it to users; empty if it is."""
        self.obstacle = obstacle

    def side_by_side(
        self, members: int, stop: threading.Event
    ) -> Callable[[], AbstractContextManager[None]]:
        """Return a function of the context in which each of at most ``members`` threads trains.

        When ``stop`` is set, their trainings end with a KeyboardInterrupt after the next steps.
        """
        return nullcontext

    def free_bytes(self) -> float:
        """Return the memory of the device that is free."""
        return math.inf

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        """Limit the threads of ``xp.dot`` to the useful ones, and yield their number."""
        return nullcontext(1)

    def tune_threads(self) -> AbstractContextManager[Callable[[], None]]:
        """Yield a function to call after each step; it finds the faster way for the next ones."""
        return nullcontext(lambda: None)

    def distort(self, x: Array, index: Array, how: Distortion) -> None:
        """Distort a batch of images in place, with the numbers of the samples at ``index``."""
        distort(self.xp, x, index, how)

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        """Return ``scale(images, index, out)``: pick images by index and divide them by 255.

        An index of None picks all. A backend without a fused version returns None.
        """
        return None
