"""Threads that share the tasks of one job: whoever is free takes the next.

The thread that has the job begins at once, and waits for nobody who has not begun: a helper that
sleeps, or whose processor does something else, costs nothing but its help. Tasks write to places
of their own, so that results do not depend on who did what.

The job is described on a board of 64-bit words that all these threads see. Import this module only
where numba is.
"""

import functools

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lamella.backend.numba.code_cache import kept

# Words of the board. Those that several threads write have a cache line each.
OPEN, ACTIVE = 0, 8  # number of the job, or 0; how many help at present
TAKEN, BEHIND = 16, 24  # tasks that are taken, and those of them that are at the end
FUNCTION, ARGUMENTS = 32, 33  # addresses: of what does a task, and of the words it is given
COUNT, WORKERS, JOBS = 34, 35, 36  # tasks there are; threads that may take part; jobs so far
LIMIT = 38  # threads that are the faster way at present, at most, see `lamella.backend.numba.thread_tuning`
WANTED = 37  # 1 once there was work to share and all helpers slept
AWAKE = 56  # helpers that look at the board
SCRATCH = 40  # addresses of memory of its own for each worker
WORDS = 64

# A task is a function of the job's words, its own number, and the address of its worker's memory.
TASK_TYPE = types.void(types.CPointer(types.int64), types.int64, types.int64)


@functools.cache
def compile_task(function):
    """Return the address of the machine code of a function for tasks."""
    compiled = kept(numba.cfunc(TASK_TYPE, cache=True))(function)
    _compiled.append(compiled)  # which keeps the code where it is
    return compiled.address


_compiled: list[object] = []


@kept(numba.njit(cache=True, nogil=True))
def run(board, function, arguments, count, workers):
    """Do ``count`` tasks, alone or with helpers: at most so many ``workers`` in all."""
    board[FUNCTION], board[ARGUMENTS], board[COUNT] = function, arguments, count
    workers = min(workers, board[LIMIT])
    if workers == 1:
        for task in range(count):
            call(board, task, 0)
        return
    board[WORKERS] = workers
    board[JOBS] += 1
    store(board, TAKEN, 0)
    store(board, BEHIND, 0)
    store(board, OPEN, board[JOBS])
    take_part(board, 0)
    store(board, OPEN, 0)  # who comes from now on sees this; who came before counts as active
    while load(board, ACTIVE) > 0:
        pass
    if load(board, AWAKE) == 0:
        board[WANTED] = 1


@kept(numba.njit(cache=True, nogil=True))
def play(calls, board):
    """Do one task after the other: of each the address of its code and that of its words."""
    for k in range(len(calls)):
        call_at(calls[k, 0], calls[k, 1], 0, board[SCRATCH])


@kept(numba.njit(cache=True, nogil=True))
def help_out(board, worker, patience):
    """Take part in every job, until there was none for ``patience`` looks at the board."""
    add(board, AWAKE, 1)
    seen = looks = 0
    while looks < patience:
        number = load(board, OPEN)
        if number == 0 or number == seen:
            looks += 1
            continue
        add(board, ACTIVE, 1)
        if load(board, OPEN) == number and worker < board[WORKERS]:
            take_part(board, worker)
        add(board, ACTIVE, -1)
        seen, looks = number, 0
    add(board, AWAKE, -1)


@numba.njit
def take_part(board, worker):
    """Do tasks of the job on the board until all are taken.

    Helpers begin at the end: so a thread has much the same part of the data each time, and finds
    it in its cache.
    """
    mine = 0
    while add(board, TAKEN, 1) < board[COUNT]:
        if worker == 0:
            call(board, mine, worker)
            mine += 1
        else:
            call(board, board[COUNT] - 1 - add(board, BEHIND, 1), worker)


@numba.njit
def call(board, task, worker):
    """Call the job's function for one task."""
    call_at(board[FUNCTION], board[ARGUMENTS], task, board[SCRATCH + worker])


@intrinsic
def call_at(_, function, words, task, memory):
    """Call the function for tasks at an address."""

    def write(context, code, signature, values):
        place = code.inttoptr(values[1], INDEX.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, INDEX, INDEX])
        code.call(code.inttoptr(values[0], kind.as_pointer()), [place, *values[2:]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), write


@intrinsic
def as_pointer(_, address, kind):
    """Take a word for the address of numbers of a kind."""
    pointer = types.CPointer(kind.dtype)

    def write(context, code, signature, values):
        return code.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(types.int64, kind), write


@numba.njit
def vector_at(address, size, kind):
    """Return the vector of so many numbers of a kind that begins at an address."""
    return numba.carray(as_pointer(address, kind), size)


@numba.njit
def array_at(address, shape, kind):
    """Return the array of numbers of a kind that begins at an address, in C order."""
    return numba.carray(as_pointer(address, kind), shape)


@intrinsic
def load(_, board, word):
    """Return a word as all threads see it."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values)
        return code.load_atomic(place, "seq_cst", 8)

    return types.int64(board, types.int64), write


@intrinsic
def store(_, board, word, value):
    """Write a word; who sees it sees all that was written before."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values[:2])
        code.store_atomic(values[2], place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(board, types.int64, types.int64), write


@intrinsic
def add(_, board, word, value):
    """Add to a word in one go, and return what it was."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values[:2])
        return code.atomic_rmw("add", place, values[2], "seq_cst")

    return types.int64(board, types.int64, types.int64), write


INDEX = ir.IntType(64)


def address_of(context, code, board, value, word):
    """Return a pointer to a word of the board."""
    return code.gep(context.make_array(board)(context, code, value).data, [word])
