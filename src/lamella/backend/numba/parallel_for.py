"""Run the tasks of a job on several threads; each free thread takes the next task.

The calling thread starts immediately and waits only for workers that have started: a sleeping
worker delays nothing. Tasks write to disjoint memory, so results do not depend on the schedule.

The job is described on the board, a vector of 64-bit words in memory common to all threads.
Requires numba.
"""

import ctypes
import functools
import os

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from lamella.backend.numba.code_cache import compile_now, with_code_cache

# Words of the board. Words that several threads write have a cache line each: 128 bytes at most.
OPEN, ACTIVE = 0, 16  # number of the open job, or 0; workers active in it
TAKEN, TAKEN_LAST = 32, 48  # tasks taken in all, and those of them taken from the end
FUNCTION, ARGUMENTS = 64, 65  # addresses of the task's code and of the job's words
COUNT, WORKERS, JOBS = 66, 67, 68  # number of tasks; threads that may take them; jobs so far
WAKE = 69  # 1 once a parallel job found all workers asleep
LIMIT = 70  # greatest number of threads, set by `lamella.backend.numba.thread_tuning`
SCRATCH = 72  # one word per thread: the address of its scratch memory
AWAKE = 96  # worker threads that poll the board
WORDS = 112

YIELD_EVERY = 2048  # polls, some microseconds


def _external_yield():
    """Return the system's function that lets another thread have the processor.

    After a sleep, a system can start both threads of a job on one processor. Without it, each would
    poll there for milliseconds while the other has work to do.
    """
    library = ctypes.CDLL("kernel32" if os.name == "nt" else None)
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    llvmlite.binding.add_symbol(name, address)  # Windows does not find it by its name
    return types.ExternalFunction(name, types.int32())


yield_processor = _external_yield()

# A task is a function of the job's words, its own number, and the address of scratch memory.
TASK_TYPE = types.void(types.CPointer(types.int64), types.int64, types.int64)


@functools.cache
def compile_task(function):
    """Compile a task function and return the address of its machine code."""
    types_of = TASK_TYPE.args, TASK_TYPE.return_type
    compiled = with_code_cache(CFunc(function, types_of, locals={}, options={}))
    compile_now(compiled.compile)
    _compiled.append(compiled)
    return compiled.address


_compiled: list[object] = []  # global: machine code lives as long as these objects


@with_code_cache
@numba.njit(nogil=True)
def run(board, function, arguments, count, workers):
    """Run ``count`` tasks on at most ``workers`` threads, the caller included."""
    board[FUNCTION], board[ARGUMENTS], board[COUNT] = function, arguments, count
    workers = min(workers, board[LIMIT])
    if workers == 1:
        for task in range(count):
            call(board, task, 0)
        return
    board[WORKERS] = workers
    board[JOBS] += 1
    atomic_store(board, TAKEN, 0)
    atomic_store(board, TAKEN_LAST, 0)
    atomic_store(board, OPEN, board[JOBS])
    take_tasks(board, 0)
    atomic_store(board, OPEN, 0)  # later workers see this; earlier ones are counted as active
    polls = 0
    while atomic_load(board, ACTIVE) > 0:
        polls += 1
        if polls % YIELD_EVERY == 0:
            yield_processor()
    if atomic_load(board, AWAKE) == 0:
        board[WAKE] = 1


@with_code_cache
@numba.njit(nogil=True)
def play(calls, board):
    """Run tasks in order; each row of ``calls`` has the address of its code and of its words."""
    for k in range(len(calls)):
        call_at(calls[k, 0], calls[k, 1], 0, board[SCRATCH])


@with_code_cache
@numba.njit(nogil=True)
def run_worker(board, worker, max_polls):
    """Take tasks of every job, until ``max_polls`` polls in a row have found no new job."""
    atomic_add(board, AWAKE, 1)
    done = polls = 0
    while polls < max_polls:
        number = atomic_load(board, OPEN)
        if number == 0 or number == done:
            polls += 1
            if polls % YIELD_EVERY == 0:
                yield_processor()
            continue
        atomic_add(board, ACTIVE, 1)
        if atomic_load(board, OPEN) == number and worker < board[WORKERS]:
            take_tasks(board, worker)
        atomic_add(board, ACTIVE, -1)
        done, polls = number, 0
    atomic_add(board, AWAKE, -1)


@numba.njit
def take_tasks(board, worker):
    """Run tasks of the job on the board until all are taken.

    Worker threads take them from the end, so that each thread meets much the same data each time
    and finds it in its cache.
    """
    task = 0
    while atomic_add(board, TAKEN, 1) < board[COUNT]:
        if worker == 0:
            call(board, task, worker)
            task += 1
        else:
            call(board, board[COUNT] - 1 - atomic_add(board, TAKEN_LAST, 1), worker)


@numba.njit
def call(board, task, worker):
    """Run one task of the job."""
    call_at(board[FUNCTION], board[ARGUMENTS], task, board[SCRATCH + worker])


@intrinsic
def call_at(_, function, words, task, memory):
    """Call the task function at an address."""

    def write(context, code, signature, values):
        place = code.inttoptr(values[1], INDEX.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, INDEX, INDEX])
        code.call(code.inttoptr(values[0], kind.as_pointer()), [place, *values[2:]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), write


@intrinsic
def as_pointer(_, address, kind):
    """Return an address as a pointer to numbers of type ``kind``."""
    pointer = types.CPointer(kind.dtype)

    def write(context, code, signature, values):
        return code.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(types.int64, kind), write


@numba.njit
def vector_at(address, size, kind):
    """Return the vector of ``size`` numbers of type ``kind`` at an address."""
    return numba.carray(as_pointer(address, kind), size)


@numba.njit
def array_at(address, shape, kind):
    """Return the C-ordered array of numbers of type ``kind`` at an address."""
    return numba.carray(as_pointer(address, kind), shape)


@intrinsic
def atomic_load(_, board, word):
    """Load a word atomically."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values)
        return code.load_atomic(place, "seq_cst", 8)

    return types.int64(board, types.int64), write


@intrinsic
def atomic_store(_, board, word, value):
    """Store a word atomically, after all earlier writes."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values[:2])
        code.store_atomic(values[2], place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(board, types.int64, types.int64), write


@intrinsic
def atomic_add(_, board, word, value):
    """Add to a word atomically and return its old value."""

    def write(context, code, signature, values):
        place = address_of(context, code, board, *values[:2])
        return code.atomic_rmw("add", place, values[2], "seq_cst")

    return types.int64(board, types.int64, types.int64), write


INDEX = ir.IntType(64)


def address_of(context, code, board, value, word):
    """Return a pointer to a word of the board."""
    return code.gep(context.make_array(board)(context, code, value).data, [word])
