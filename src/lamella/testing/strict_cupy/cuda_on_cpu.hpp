// CUDA kernels as C++ on one thread of the CPU: g++ -include cuda_on_cpu.hpp -x c++ kernels.cu
//
// Each CUDA thread of a block is a fiber with a stack of its own; __syncthreads() passes the
// processor to the next. Blocks run one after another. Shared memory holds NaN when a block starts.
// `order` says how threads and blocks take turns: 0 forwards, 1 backwards, else shuffled by that
// seed. Results that depend on it show a missing barrier. A barrier that only some threads of a
// block reach ends the process.
#pragma once
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))  // fma() is slow without its instruction
#define SHARED(type, name) type& name = *(type*)fibers::shared_memory(sizeof(type))

struct Index { unsigned x; };
static Index gridDim, blockIdx, threadIdx;

// CUDA's functions, for both types; <math.h> would take longer to compile than a kernel.
#define OF_ONE(name) \
    static inline float name(float x) { return __builtin_##name##f(x); } \
    static inline double name(double x) { return __builtin_##name(x); }
OF_ONE(exp) OF_ONE(expm1) OF_ONE(log) OF_ONE(log1p) OF_ONE(tanh) OF_ONE(sqrt) OF_ONE(fabs)
static inline float pow(float x, float y) { return __builtin_powf(x, y); }
static inline double pow(double x, double y) { return __builtin_pow(x, y); }
static inline double nan(const char*) { return __builtin_nan(""); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline double __longlong_as_double(long long bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

namespace fibers {
constexpr unsigned MOST_THREADS = 1024, STACK = 64 * 1024, SHARED_BYTES = 48 * 1024;
struct Argument { long long words[132]; };  // kernels of smaller arguments read its beginning
typedef void (*Kernel)(Argument);
enum State { READY, WAITS, DONE };
struct Fiber {
    jmp_buf here;
    char* stack;
    State state;
};
static Fiber threads[MOST_THREADS];
static unsigned now;  // the thread that runs
static jmp_buf home;
static ucontext_t start;
static Kernel kernel;
static const Argument* argument;
static char* shared;

static void leave(State state) {
    threads[now].state = state;
    if (!_setjmp(threads[now].here)) _longjmp(home, 1);
}

static void live() {  // a fiber serves one CUDA thread after another
    for (;;) {
        kernel(*argument);
        leave(DONE);
    }
}

static void resume(unsigned thread) {
    now = threadIdx.x = thread;
    if (_setjmp(home)) return;
    Fiber& fiber = threads[thread];
    if (fiber.stack) _longjmp(fiber.here, 1);
    fiber.stack = (char*)malloc(STACK);
    getcontext(&start);
    start.uc_stack.ss_sp = fiber.stack;
    start.uc_stack.ss_size = STACK;
    makecontext(&start, live, 0);
    setcontext(&start);
}

static void* shared_memory(size_t bytes) {
    if (bytes > SHARED_BYTES) {
        fprintf(stderr, "%zu bytes of shared memory, a block has %u\n", bytes, SHARED_BYTES);
        abort();
    }
    return shared + SHARED_BYTES - bytes;  // ends where the memory ends, for the address sanitizer
}

// Write 0 to count - 1 into `turns`, in the order of this launch.
static void take_turns(unsigned* turns, unsigned count, int order, unsigned long long& random) {
    for (unsigned i = 0; i < count; ++i) turns[i] = order == 1 ? count - 1 - i : i;
    for (unsigned i = count; order > 1 && i > 1; --i) {  // Fisher and Yates
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        const unsigned j = (unsigned)(random >> 33) % i, kept = turns[i - 1];
        turns[i - 1] = turns[j];
        turns[j] = kept;
    }
}

static void run_block(unsigned count, int order, unsigned long long& random) {
    static unsigned turns[MOST_THREADS];
    memset(shared, 0xFF, SHARED_BYTES);  // NaN
    for (unsigned thread = 0; thread < count; ++thread) threads[thread].state = READY;
    for (;;) {
        take_turns(turns, count, order, random);
        unsigned done = 0;
        for (unsigned i = 0; i < count; ++i) {
            resume(turns[i]);
            done += threads[turns[i]].state == DONE;
        }
        if (done == count) return;
        if (done) {
            fprintf(stderr, "__syncthreads() was not reached by all threads of block %u\n", blockIdx.x);
            abort();
        }
    }
}
}  // namespace fibers

static inline void __syncthreads() { fibers::leave(fibers::WAITS); }

extern "C" void launch(void* kernel, unsigned grid, unsigned block, int order, const void* argument) {
    fibers::kernel = (fibers::Kernel)kernel;
    fibers::argument = (const fibers::Argument*)argument;
    gridDim.x = grid;
    if (!fibers::shared) fibers::shared = (char*)malloc(fibers::SHARED_BYTES);
    unsigned long long random = order;
    unsigned* blocks = (unsigned*)malloc(grid * sizeof(unsigned));
    fibers::take_turns(blocks, grid, order, random);
    for (unsigned i = 0; i < grid; ++i) {
        blockIdx.x = blocks[i];
        fibers::run_block(block, order, random);
    }
    free(blocks);
}
