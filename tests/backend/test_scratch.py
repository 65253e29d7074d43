"""Named memory: one buffer a name, as large as the largest use, and few small objects."""

import weakref

import numpy as np

from lamella.backend import Backend
from lamella.backend.scratch import MOST_SIZES, Scratch
from lamella.backend.selection import host_backend


def test_scratch_of_one_name_is_the_same_memory(backend: Backend) -> None:
    scratch = Scratch(backend)
    first = scratch.get("y", (4, 3), "float32")
    first[...] = backend.asarray(np.arange(12, dtype=np.float32).reshape(4, 3))
    np.testing.assert_array_equal(
        backend.to_host(scratch.get("y", (4, 3), np.dtype("float32"))),
        np.arange(12).reshape(4, 3),
    )
    assert first.flags.c_contiguous
    assert first.dtype == np.float32


def test_scratch_for_a_shorter_batch_is_the_leading_part(backend: Backend) -> None:
    scratch = Scratch(backend)
    whole = scratch.get("y", (4, 3), "float32")
    whole[...] = backend.asarray(np.arange(12, dtype=np.float32).reshape(4, 3))
    short = scratch.get("y", (2, 3), "float32")
    assert short.flags.c_contiguous
    np.testing.assert_array_equal(backend.to_host(short), [[0, 1, 2], [3, 4, 5]])
    short[...] = -1
    np.testing.assert_array_equal(
        backend.to_host(whole), [[-1, -1, -1], [-1, -1, -1], [6, 7, 8], [9, 10, 11]]
    )
    assert [buffer.size for buffer in scratch.buffers.values()] == [12]


def test_scratch_grows_to_the_largest_and_stays_one_buffer(backend: Backend) -> None:
    scratch = Scratch(backend)
    for rows in (2, 8, 4):
        scratch.get("y", (rows, 3), "float32")
    assert [buffer.size for buffer in scratch.buffers.values()] == [24]
    scratch.get("y", (8, 3), "float32")[...] = 5  # views from before it grew are forgotten
    np.testing.assert_array_equal(
        backend.to_host(scratch.get("y", (2, 3), "float32")), np.full((2, 3), 5)
    )


def test_scratch_of_other_names_and_dtypes_is_other_memory(backend: Backend) -> None:
    scratch = Scratch(backend)
    kinds = [("y", "float32"), ("dx", "float32"), ("y", "bool"), ("y", "float64")]
    for number, (name, dtype) in enumerate(kinds):
        scratch.get(name, (3, 2), dtype)[...] = number
    scratch.get("y", (9, 2), "float32")[...] = 7  # growing one leaves the others
    expected = [7, 1, True, 3]
    for (name, dtype), value in zip(kinds, expected, strict=True):
        found = scratch.get(name, (3, 2), dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(backend.to_host(found), np.full((3, 2), value))


def test_scratch_of_no_axes_holds_one_number(backend: Backend) -> None:
    scratch = Scratch(backend)
    mean = scratch.get("mean", (), "float64")
    mean[...] = 2.5
    assert mean.shape == ()
    assert float(scratch.get("mean", (), "float64")) == 2.5


def test_memory_of_one_name_is_the_same_until_more_is_asked_for(backend: Backend) -> None:
    scratch = Scratch(backend)
    large = scratch.get("a", (4, 5), "float32")
    large[...] = 7
    small = scratch.get("a", (2, 3), "float32")
    small[...] = 1
    assert scratch.get("a", (4, 5), "float32") is large
    assert backend.to_host(large).reshape(-1).tolist() == [1] * 6 + [7] * 14
    scratch.get("b", (100,), "float32")
    assert scratch.get("a", (2, 3), "float32") is small
    scratch.get("a", (5, 5), "float32")[...] = 3
    assert backend.to_host(large).reshape(-1).tolist() == [1] * 6 + [7] * 14
    assert (backend.to_host(scratch.get("a", (2, 3), "float32")) == 3).all()
    scratch.get("a", (2, 3), "float64")[...] = 4
    assert (backend.to_host(scratch.get("a", (2, 3), "float32")) == 3).all()


def test_memory_that_was_too_small_is_given_back() -> None:
    scratch = Scratch(host_backend())
    buffers = []
    for rows in range(1, 50):
        scratch.get("y", (rows, 3), "float32")
        (buffer,) = scratch.buffers.values()
        buffers.append(weakref.ref(buffer))
        del buffer
    assert [ref() is None for ref in buffers] == [True] * 48 + [False]


def test_few_views_are_kept_however_many_sizes_there_are() -> None:
    scratch = Scratch(host_backend())
    for _ in range(3):
        for rows in range(1000, 0, -1):
            for name in ("y", "dx"):
                scratch.get(name, (rows, 3), "float32")
            assert len(scratch.views) <= 2 * MOST_SIZES
    assert [buffer.size for buffer in scratch.buffers.values()] == [3000, 3000]


def test_views_of_a_few_sizes_are_kept_for_good() -> None:
    """A replay needs the same arrays in each step."""
    scratch = Scratch(host_backend())
    first = [scratch.get("y", (rows, 3), "float32") for rows in range(MOST_SIZES, 0, -1)]
    for _ in range(3):
        for rows, view in zip(range(MOST_SIZES, 0, -1), first, strict=True):
            assert scratch.get("y", (rows, 3), "float32") is view
