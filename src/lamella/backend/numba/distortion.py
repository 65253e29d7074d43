"""Distort a batch of grey images on several threads; see `lamella.backend.distortion`.

Requires numba.
"""

import numba
import numpy as np

from lamella.backend import threads
from lamella.backend.distortion import NOISE_SCALE, Distortion
from lamella.backend.numba.code_cache import with_code_cache
from lamella.backend.numba.parallel_for import array_at, compile_task, run, vector_at
from lamella.backend.numba.thread_pool import get_pool
from lamella.core.errors import DataError, ShapeError

# As in `lamella.backend.distortion`; the files of cached code depend on this folder alone.
POINTS, WARP = 7, 7
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
TASK_IMAGES = 8  # images per task

# The words of a job: addresses and sizes.
X, COUNT, HEIGHT, WIDTH, INDEX, WARPS, ROWS, COLUMNS, KEY, NOISE = range(10)
WORDS = np.zeros(10, np.int64)  # global: one job runs at a time, under pool.lock


def distort(x: np.ndarray, index: np.ndarray, how: Distortion) -> None:
    """Distort a batch in place, with the numbers of the images at ``index``.

    Raise a ShapeError if the batch has another shape, a DataError if an index is out of range.
    """
    height, width = how.height, how.width
    if x.size != len(index) * height * width:
        raise ShapeError(
            f"the batch needs {len(index)} images of {height} x {width} pixels, got {x.shape}"
        )
    task = compile_task(distort_float32 if x.dtype == np.float32 else distort_float64)
    noise, size = np.array([how.noise * NOISE_SCALE]), np.array([height, width])
    pool = get_pool()
    with pool.lock:
        run_distortion(
            x.reshape(-1), np.ascontiguousarray(index, np.int64), size, how.warps.reshape(-1),
            how.rows.reshape(-1), how.columns.reshape(-1), noise, np.uint64(how.key),
            pool.board, WORDS, task, threads.workers(),
        )  # fmt: skip
    pool.wake()


@with_code_cache
@numba.njit(nogil=True)
def run_distortion(x, index, size, warps, rows, columns, noise, key, board, words, task, workers):
    """Run the tasks of `distort`."""
    words[X], words[COUNT], words[INDEX] = x.ctypes.data, len(index), index.ctypes.data
    words[HEIGHT], words[WIDTH], words[WARPS] = size[0], size[1], warps.ctypes.data
    words[ROWS] = rows.ctypes.data if len(rows) else 0
    words[COLUMNS], words[NOISE] = columns.ctypes.data, noise.ctypes.data
    words[KEY] = np.int64(key)
    for at in index:
        if not 0 <= at < len(warps) // WARP:
            raise DataError("an index of an image is out of range")
    run(board, task, words.ctypes.data, -(-len(index) // TASK_IMAGES), workers)


def distort_float32(words, task, memory):
    """Distort the images of a task in single precision."""
    distort_images(words, task, np.float32)


def distort_float64(words, task, memory):
    """Distort the images of a task in double precision."""
    distort_images(words, task, np.float64)


@numba.njit(error_model="numpy")
def distort_images(words, task, kind):
    """Distort the images of a task. Loops over whole images keep vector registers full."""
    height, width, key = words[HEIGHT], words[WIDTH], np.uint64(words[KEY])
    size, bordered = height * width, (height + 1) * (width + 1)
    index = vector_at(words[INDEX], words[COUNT], np.int64)
    noise = kind(vector_at(words[NOISE], 1, np.float64)[0])
    original, is_seen = np.empty(bordered, kind), np.empty(bordered, np.bool_)
    across, down = np.empty(size, np.float32), np.empty(size, np.float32)
    for y in range(height):
        for x in range(width):
            across[y * width + x], down[y * width + x] = x, y
    u, v, at = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.int32)
    p, q = np.empty(size, kind), np.empty(size, kind)
    waves = np.empty((2, POINTS, width), np.float32)
    for n in range(task * TASK_IMAGES, min((task + 1) * TASK_IMAGES, words[COUNT])):
        image = vector_at(words[X] + n * size * original.itemsize, size, kind)
        warp = vector_at(words[WARPS] + index[n] * WARP * 4, WARP, np.float32)
        copy(image, original, height, width, kind(warp[6]))
        see(original, width + 1, is_seen)
        locate(warp, across, down, u, v)
        if words[ROWS]:
            columns = array_at(words[COLUMNS], (POINTS, width), np.float32)
            draw_waves(key, index[n], columns, waves)
            rows = array_at(words[ROWS], (height, POINTS), np.float32)
            move(rows, waves, u.reshape(height, width), v.reshape(height, width))
        split(height, width, u, v, at, p, q)
        sample(original, is_seen, width + 1, at, p, q, image)
        if noise:
            add_noise(key ^ np.uint64(FIRST), np.uint64(index[n] * size), noise, image)


@numba.njit(error_model="numpy")
def copy(image, original, height, width, t):
    """Copy an image, thickened by t; repeat its last row and column."""
    stride = width + 1
    for y in range(height):
        row = original[y * stride : (y + 1) * stride]
        for x in range(width):
            row[x] = image[y * width + x]
        if t != 0:
            thicken(image, y, height, width, t, row)
        row[width] = row[width - 1]
    for x in range(stride):
        original[height * stride + x] = original[(height - 1) * stride + x]


@numba.njit(error_model="numpy")
def see(original, stride, is_seen):
    """Mark the pixels of which one, or one to the right or below, is not 0."""
    beside, below, beyond = original[1:], original[stride:], original[stride + 1 :]
    for k in range(len(beyond)):
        is_seen[k] = (original[k] != 0) | (beside[k] != 0) | (below[k] != 0) | (beyond[k] != 0)


@numba.njit(error_model="numpy")
def thicken(image, y, height, width, t, out):
    """Move the pixels of row y towards the extremes of their neighbours."""
    row = image[y * width : (y + 1) * width]
    above = image[max(y - 1, 0) * width :][:width]
    below = image[min(y + 1, height - 1) * width :][:width]
    for x in range(width):
        out[x] = extreme(extreme(above[x], below[x], t), row[x], t)
    for x in range(1, width):
        out[x] = extreme(out[x], row[x - 1], t)
    for x in range(width - 1):
        out[x] = extreme(out[x], row[x + 1], t)
    for x in range(width):
        out[x] = row[x] + abs(t) * (out[x] - row[x])


@numba.njit(error_model="numpy")
def extreme(a, b, t):
    """Return the greater number if t is above 0, else the smaller one."""
    if t > 0:
        return a if a > b else b
    return a if a < b else b


@numba.njit(error_model="numpy")
def locate(warp, across, down, u, v):
    """Write the place in the original of each pixel."""
    a, b, c, d, e, f = warp[0], warp[1], warp[2], warp[3], warp[4], warp[5]
    for k in range(len(u)):
        u[k] = a * across[k] + (b * down[k] + c)
        v[k] = d * across[k] + (e * down[k] + f)


@numba.njit(error_model="numpy")
def move(rows, waves, u, v):
    """Add the waves to the places; all weights of a row but four adjacent ones are 0."""
    height, width = u.shape
    for y in range(height):
        k = (2 * y + 1) * (POINTS - 3) // (2 * height)
        a, b, c, d = rows[y, k], rows[y, k + 1], rows[y, k + 2], rows[y, k + 3]
        p, q = waves[0, k:], waves[1, k:]
        for x in range(width):
            u[y, x] += a * p[0, x] + b * p[1, x] + c * p[2, x] + d * p[3, x]
            v[y, x] += a * q[0, x] + b * q[1, x] + c * q[2, x] + d * q[3, x]


@numba.njit(error_model="numpy")
def split(height, width, u, v, at, p, q):
    """Split each place into the index of a pixel and the fractions beyond it."""
    zero, last, bottom = np.float32(0), np.float32(width - 1), np.float32(height - 1)
    stride = np.int32(width + 1)
    for k in range(len(u)):
        x, y = u[k], v[k]
        x = zero if x < zero else x
        x = last if x > last else x
        y = zero if y < zero else y
        y = bottom if y > bottom else y
        left, top = np.int32(x), np.int32(y)
        at[k] = top * stride + left
        p[k] = x - np.float32(left)
        q[k] = y - np.float32(top)


@numba.njit(error_model="numpy")
def sample(original, is_seen, stride, at, p, q, out):
    """Write the values of the original at each place."""
    beside, below, beyond = original[1:], original[stride:], original[stride + 1 :]
    for k in range(len(out)):
        i = np.uintp(at[k])
        if is_seen[i]:
            upper = original[i] + p[k] * (beside[i] - original[i])
            lower = below[i] + p[k] * (beyond[i] - below[i])
            out[k] = upper + q[k] * (lower - upper)
        else:
            out[k] = 0


@numba.njit(error_model="numpy")
def draw_waves(key, image, columns, waves):
    """Draw the control points of an image; write the waves along each row of them."""
    at = np.uint64(image * POINTS * POINTS)
    points = np.empty((2, POINTS), np.float32)
    for k in range(POINTS):
        for j in range(POINTS):
            at += np.uint64(1)
            z = word(key, at)
            points[0, j] = as_point(z >> np.uint64(40))
            points[1, j] = as_point((z >> np.uint64(16)) & np.uint64(0xFFFFFF))
        for axis in range(2):
            for x in range(columns.shape[1]):
                total = points[axis, 0] * columns[0, x]
                for j in range(1, POINTS):
                    total += points[axis, j] * columns[j, x]
                waves[axis, k, x] = total


@numba.njit(error_model="numpy")
def as_point(bits):
    """Return 24 bits as a number in [-1, 1)."""
    return np.float32(np.int64(bits)) * np.float32(2**-23) - np.float32(1)


@numba.njit(error_model="numpy")
def add_noise(key, first, noise, image):
    """Add numbers to all pixels whose distribution is almost normal."""
    low = np.uint64(0xFFFF)
    for x in range(len(image)):
        z = word(key, first + np.uint64(x + 1))
        total = (z & low) + ((z >> np.uint64(16)) & low) + ((z >> np.uint64(32)) & low)
        total += z >> np.uint64(48)
        image[x] += image.dtype.type(np.int64(total) - np.int64(2 * 0xFFFF)) * noise


@numba.njit(error_model="numpy")
def word(key, at):
    """Return a word of the generator splitmix64."""
    z = at * np.uint64(GOLDEN) + key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return z ^ (z >> np.uint64(31))
