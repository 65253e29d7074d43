// The GPU's work as tasks, for numbers of type T. One source for NVRTC, nvcc and, in tests, g++.
//
// A task reads from 32 words what it works on: addresses and sizes. It is cut into tiles, one for
// each block of THREADS threads. Numbers that change from step to step are read on the device: the
// number of the step in the epoch (`count`), and a table with a row for each step.
// Every sum is added in one fixed order, so that results do not depend on the device's timing.
typedef long long i64;
typedef unsigned long long u64;
typedef unsigned char u8;
#ifndef NUMBER
#define NUMBER float
#endif
typedef NUMBER T;  // not a macro, which would change CUDA's own headers
#ifndef SHARED  // tests put shared memory elsewhere
#define SHARED(type, name) __shared__ type name
#endif
#ifndef MULTIPLY_ADD  // one rounding; elsewhere the compiler must not contract, so that a formula has
#define MULTIPLY_ADD(a, b, c) fma(a, b, c)  // the same bits in each kernel that contains it
#endif
#define ROWS 1024  // of a table of numbers: that of a step is its number, modulo ROWS
#define THREADS 256
#define TILE 16   // rows and columns of a product that one block computes
#define GROUPS 4  // of 64 threads, which divide the terms of a product's sums among them
#define PITCH 18  // numbers from row to row of a tile: writing threads meet in no memory bank

struct Words { i64 w[32]; };
struct alignas(16) Memory { T cells[GROUPS * 2 * TILE * PITCH]; };  // shared by the threads of a block

#define AT(type, i) ((type*)w[i])
#define SIZE(i) ((int)w[i])
// Numbers 0 to size - 1, divided among all threads of all tiles.
#define EACH(i, size) for (int i = tile * THREADS + threadIdx.x; i < (size); i += tiles * THREADS)
#define TASK(name) __device__ void name(const i64* w, int tile, int tiles, Memory& memory)

// The step's row of the table that words 1 to 4 name (table, count, width, column), from column on;
// null without a table.
__device__ __forceinline__ const double* row_of(const i64* w) {
    const double* table = AT(const double, 1);
    return table ? table + (i64)(*AT(const int, 2) % ROWS) * SIZE(3) + SIZE(4) : (const double*)0;
}

// numpy's functions, of which NaN gives NaN.
__device__ __forceinline__ T maximum(T a, T b) { return a >= b || a != a ? a : b; }
__device__ __forceinline__ T minimum(T a, T b) { return a <= b || a != a ? a : b; }
__device__ __forceinline__ T sign(T x) { return x != x ? x : (T)(x > 0) - (T)(x < 0); }

// ---- Batches -------------------------------------------------------------------------------
// Both pick rows order[count * batch + i], i < rows: batch is the size of a full batch, rows the
// size of this one. Without an order, they pick rows count * batch + i.
__device__ __forceinline__ i64 picked(const i64* w, int i) {
    const i64 place = (i64)*AT(const int, 2) * SIZE(4) + i;
    return w[1] ? AT(const i64, 1)[place] : place;
}

// out (rows, width) = images[order] / 255.
// words: images, order, count, out, batch, width, rows
TASK(pick_scaled) {
    const u8* images = AT(const u8, 0); T* out = AT(T, 3);
    const int width = SIZE(5);
    EACH(i, SIZE(6) * width) out[i] = (T)images[picked(w, i / width) * width + i % width] / (T)255;
}

template <typename Unit> __device__ __forceinline__ void pick(const i64* w, int tile, int tiles) {
    const int width = SIZE(5);
    EACH(i, SIZE(6) * width)
        AT(Unit, 3)[i] = AT(const Unit, 0)[picked(w, i / width) * width + i % width];
}

// out[i] = source[order[...]], in units of 1, 4 or 8 bytes: inputs, labels, targets, weights.
// words: source, order, count, out, batch, units of a row, rows, bytes of a unit
TASK(pick_rows) {
    if (w[7] == 8) pick<i64>(w, tile, tiles);
    else if (w[7] == 4) pick<int>(w, tile, tiles);
    else pick<u8>(w, tile, tiles);
}

// ---- Matrices ------------------------------------------------------------------------------

// out (M, N) = a (M, K) b (K, N) + bias (N,), and sums (N,) of the columns of b. a[m, k] lies at
// a[m * am + k * ak], b[k, n] at b[k * bk + n * bn]; bias and sums may be 0. A tile is TILE rows
// and columns of out. Group g of threads adds pieces g, g + GROUPS, ... of TILE terms; the groups'
// parts are added in order. Then `then` applies a rule to each number, with the words from 12 on.
// words: a, b, out, bias, sums, M, N, K, am, ak, bk, bn
template <void (*then)(const i64*, int)>
__device__ __forceinline__ void product_then(const i64* w, int tile, Memory& memory) {
    const T* a = AT(const T, 0); const T* b = AT(const T, 1); T* out = AT(T, 2);
    const T* bias = AT(const T, 3); T* sums = AT(T, 4);
    const int M = SIZE(5), N = SIZE(6), K = SIZE(7);
    const i64 am = w[8], ak = w[9], bk = w[10], bn = w[11];
    const int across = (N + TILE - 1) / TILE, row = tile / across * TILE, column = tile % across * TILE;
    // Each thread computes 2 x 2 numbers of its group's part, at (m, n).
    const int group = threadIdx.x / 64, t = threadIdx.x % 64, m = t / 8 * 2, n = t % 8 * 2;
    T* a_piece = memory.cells + group * 2 * TILE * PITCH;
    T* b_piece = a_piece + TILE * PITCH;
    T c00 = 0, c01 = 0, c10 = 0, c11 = 0, s0 = 0, s1 = 0, a_next[4], b_next[4];
    const int pieces = (K + TILE - 1) / TILE, rounds = (pieces + GROUPS - 1) / GROUPS;
    for (int round = 0; round <= rounds; ++round) {
        if (round) {  // share what this thread read in the round before
            __syncthreads();
            for (int j = 0; j < 4; ++j) {
                const int i = t + 64 * j, fast = i % TILE, slow = i / TILE;
                a_piece[ak == 1 ? fast * PITCH + slow : slow * PITCH + fast] = a_next[j];
                b_piece[bk == 1 ? fast * PITCH + slow : slow * PITCH + fast] = b_next[j];
            }
            __syncthreads();
        }
        if (round < rounds) {  // read the next piece, along the axis whose numbers are neighbours
            const int first = (round * GROUPS + group) * TILE;
            for (int j = 0; j < 4; ++j) {
                const int i = t + 64 * j, fast = i % TILE, slow = i / TILE;
                const int ka = first + (ak == 1 ? fast : slow), ma = row + (ak == 1 ? slow : fast);
                const int kb = first + (bk == 1 ? fast : slow), nb = column + (bk == 1 ? slow : fast);
                a_next[j] = ma < M && ka < K ? a[ma * am + ka * ak] : (T)0;
                b_next[j] = nb < N && kb < K ? b[kb * bk + nb * bn] : (T)0;
            }
        }
        if (round)
            for (int k = 0; k < TILE; ++k) {
                const T a0 = a_piece[k * PITCH + m], a1 = a_piece[k * PITCH + m + 1];
                const T b0 = b_piece[k * PITCH + n], b1 = b_piece[k * PITCH + n + 1];
                c00 = MULTIPLY_ADD(a0, b0, c00); c01 = MULTIPLY_ADD(a0, b1, c01);
                c10 = MULTIPLY_ADD(a1, b0, c10); c11 = MULTIPLY_ADD(a1, b1, c11);
                s0 += b0; s1 += b1;
            }
    }
    __syncthreads();  // the pieces' memory now holds the groups' parts, with their sums as a last row
    T* parts = memory.cells + group * (TILE + 1) * TILE;
    parts[m * TILE + n] = c00; parts[m * TILE + n + 1] = c01;
    parts[(m + 1) * TILE + n] = c10; parts[(m + 1) * TILE + n + 1] = c11;
    if (m == 0) { parts[TILE * TILE + n] = s0; parts[TILE * TILE + n + 1] = s1; }
    __syncthreads();
    const T* part = memory.cells + threadIdx.x;
    const int next = (TILE + 1) * TILE, i = row + threadIdx.x / TILE, j = column + threadIdx.x % TILE;
    if (i < M && j < N) {
        T value = part[0] + part[next] + part[2 * next] + part[3 * next];
        if (bias) value += bias[j];
        out[i * N + j] = value;
        then(w + 12, i * N + j);
    }
    if (sums && row == 0 && threadIdx.x < TILE && j < N) {
        part += TILE * TILE;
        sums[j] = part[0] + part[next] + part[2 * next] + part[3 * next];
    }
}

__device__ __forceinline__ void nothing(const i64*, int) {}

TASK(product) { product_then<nothing>(w, tile, memory); }

// sums (N,) of the rows of b (K, N), in the order of `product`: the same bits.
// words: -, b, -, -, sums, -, N, K
TASK(sum_rows) {
    const T* b = AT(const T, 1); T* sums = AT(T, 4);
    const int N = SIZE(6), K = SIZE(7);
    EACH(n, N) {
        T part[GROUPS] = {};
        for (int k = 0; k < K; ++k) part[k / TILE % GROUPS] += b[(i64)k * N + n];
        sums[n] = part[0] + part[1] + part[2] + part[3];
    }
}

// ---- Losses and scores ---------------------------------------------------------------------

// Sum over the threads of a block, in a fixed order: halves of the block are added until one is left.
template <typename N> __device__ __forceinline__ N total(N x, Memory& memory) {
    N* cells = (N*)memory.cells;
    __syncthreads();
    cells[threadIdx.x] = x;
    for (unsigned half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) cells[threadIdx.x] += cells[threadIdx.x + half];
    }
    __syncthreads();
    return cells[0];
}

// A row of p = exp(z - top) and its sum, where top is the largest of z.
__device__ __forceinline__ T exponentials(const T* z, T* p, int K, T& top) {
    T sum = 0;
    top = z[0];
    for (int k = 1; k < K; ++k) top = maximum(top, z[k]);
    for (int k = 0; k < K; ++k) sum += p[k] = exp(z[k] - top);
    return sum;
}

// losses (N,) of scores z (N, K) and d (N, K) = softmax(z) - onehot(label): a thread for a sample.
// The loss of a label that is no class is NaN.
// words: z, labels, d, losses, N, K
TASK(cross_entropy_rows) {
    const int K = SIZE(5);
    EACH(n, SIZE(4)) {
        const T* z = AT(const T, 0) + (i64)n * K; T* d = AT(T, 2) + (i64)n * K; T top;
        const T sum = exponentials(z, d, K, top);
        const i64 label = AT(const i64, 1)[n];
        for (int k = 0; k < K; ++k) d[k] = d[k] / sum - (T)(k == label);
        AT(T, 3)[n] = label >= 0 && label < K ? log(sum) - (z[label] - top) : (T)nan("");
    }
}

// The same of soft targets t (N, K): d = sum(t) softmax(z) - t.
// words: z, t, d, losses, N, K
TASK(soft_cross_entropy_rows) {
    const int K = SIZE(5);
    EACH(n, SIZE(4)) {
        const T* z = AT(const T, 0) + (i64)n * K; const T* t = AT(const T, 1) + (i64)n * K;
        T* d = AT(T, 2) + (i64)n * K; T top, mass = 0;
        const T sum = exponentials(z, d, K, top);
        for (int k = 0; k < K; ++k) mass += t[k];
        T loss = log(sum) * mass;
        for (int k = 0; k < K; ++k) {
            d[k] = d[k] / sum * mass - t[k];
            if (t[k] != 0) loss -= t[k] * (z[k] - top);  // 0 times a difference of -inf is NaN
        }
        AT(T, 3)[n] = loss;
    }
}

// rows (N, K): high at the label of a row, low elsewhere.
// words: labels, rows, N, K, high, low (their bits as double)
TASK(smooth_rows) {
    const int K = SIZE(3);
    const T high = (T)__longlong_as_double(w[4]), low = (T)__longlong_as_double(w[5]);
    EACH(i, SIZE(2) * K) AT(T, 1)[i] = i % K == AT(const i64, 0)[i / K] ? high : low;
}

// y (N, K) = softmax of the rows of x.
// words: x, y, N, K
TASK(softmax_of_each) {
    const int K = SIZE(3);
    EACH(n, SIZE(2)) {
        T* y = AT(T, 1) + (i64)n * K; T top;
        const T sum = exponentials(AT(const T, 0) + (i64)n * K, y, K, top);
        for (int k = 0; k < K; ++k) y[k] /= sum;
    }
}

// dx (N, K) = (dy - sum(dy y)) y, of the gradient dy at the softmax y.
// words: dy, y, dx, N, K
TASK(gradient_of_each) {
    const int K = SIZE(4);
    EACH(n, SIZE(3)) {
        const T* dy = AT(const T, 0) + (i64)n * K; const T* y = AT(const T, 1) + (i64)n * K;
        T* dx = AT(T, 2) + (i64)n * K; T mean = 0;
        for (int k = 0; k < K; ++k) mean += dy[k] * y[k];
        for (int k = 0; k < K; ++k) dx[k] = (dy[k] - mean) * y[k];
    }
}

// Mean of x (N,), by one block.
// words: x, mean, N
TASK(mean_of_vector) {
    const T* x = AT(const T, 0);
    const int N = SIZE(2);
    T sum = 0;
    for (int i = threadIdx.x; i < N; i += THREADS) sum += x[i];
    sum = total(sum, memory);
    if (!threadIdx.x) *AT(T, 1) = sum / N;
}

// The index of the largest of K numbers, the first of equals. NaN is the largest, as for numpy.
__device__ __forceinline__ int largest(const T* z, int K) {
    int best = 0;
    for (int k = 1; k < K; ++k) if (z[k] > z[best] || (z[k] != z[k] && z[best] == z[best])) best = k;
    return best;
}

// right (N,) bytes: whether the largest of scores (N, K) is at the label.
// words: scores, labels, right, N, K
TASK(is_right) {
    const int K = SIZE(4);
    EACH(n, SIZE(3)) AT(u8, 2)[n] = largest(AT(const T, 0) + (i64)n * K, K) == AT(const i64, 1)[n];
}

// right (N,) bytes: whether the largest of scores (N, K) is where that of targets (N, K) is.
// words: scores, targets, right, N, K
TASK(same_largest) {
    const int K = SIZE(4);
    EACH(n, SIZE(3)) {
        const i64 row = (i64)n * K;
        AT(u8, 2)[n] = largest(AT(const T, 0) + row, K) == largest(AT(const T, 1) + row, K);
    }
}

// right (N,) bytes: whether the score of a sample's class is among the k largest of scores (N, K); of
// equal ones the first are the larger, and NaN is never right. The class is the label, or without
// labels that of the largest target.
// words: scores, labels, targets, right, N, K, k
TASK(is_in_top) {
    const int K = SIZE(5);
    EACH(n, SIZE(4)) {
        const T* z = AT(const T, 0) + (i64)n * K;
        const i64 own = w[1] ? AT(const i64, 1)[n] : largest(AT(const T, 2) + (i64)n * K, K);
        int behind = 0;
        for (int k = 0; k < K; ++k) behind += z[k] < z[own] || (z[k] == z[own] && k >= own);
        AT(u8, 3)[n] = behind > K - SIZE(6);
    }
}

// right (size,) bytes: whether p > threshold where t > middle, and nowhere else.
// words: p, t, right, size, threshold, middle (their bits as double)
TASK(same_side) {
    const T threshold = (T)__longlong_as_double(w[4]), middle = (T)__longlong_as_double(w[5]);
    EACH(i, SIZE(3)) AT(u8, 2)[i] = (AT(const T, 0)[i] > threshold) == (AT(const T, 1)[i] > middle);
}

// fractions (N,) of double: of right (N, K), bytes.
// words: right, fractions, N, K
TASK(fractions_right) {
    const int K = SIZE(3);
    EACH(n, SIZE(2)) {
        int sum = 0;
        for (int k = 0; k < K; ++k) sum += AT(const u8, 0)[(i64)n * K + k];
        AT(double, 1)[n] = (double)sum / K;
    }
}

// every (N,) bytes: whether all of right (N, K) are 1.
// words: right, every, N, K
TASK(all_right) {
    const int K = SIZE(3);
    EACH(n, SIZE(2)) {
        u8 all = 1;
        for (int k = 0; k < K; ++k) all &= AT(const u8, 0)[(i64)n * K + k];
        AT(u8, 1)[n] = all;
    }
}

// errors (N,) of double: the mean over K outputs of |p - t|, or of (p - t)^2.
// words: p, t, errors, N, K, whether squared
TASK(mean_errors) {
    const int K = SIZE(4);
    EACH(n, SIZE(3)) {
        double sum = 0;
        for (i64 i = (i64)n * K; i < (i64)(n + 1) * K; ++i) {
            const double error = (double)AT(const T, 0)[i] - AT(const T, 1)[i];
            sum += SIZE(5) ? error * error : fabs(error);
        }
        AT(double, 2)[n] = sum / K;
    }
}

// terms (N, 3, K) of double: (p - t)^2, t and t^2 of p and t (N, K).
// words: p, t, terms, N, K
TASK(r2_terms) {
    const int K = SIZE(4);
    EACH(i, SIZE(3) * K) {
        const double t = AT(const T, 1)[i], error = AT(const T, 0)[i] - t;
        double* terms = AT(double, 2) + (i64)(i / K) * 3 * K + i % K;
        terms[0] = error * error; terms[K] = t; terms[2 * K] = t * t;
    }
}

// parts[tile] = sum of the squares of a tile's share of x (N,).
// words: x, parts, N
TASK(squares_of_tiles) {
    const T* x = AT(const T, 0);
    T sum = 0;
    EACH(i, SIZE(2)) sum += x[i] * x[i];
    sum = total(sum, memory);
    if (!threadIdx.x) AT(T, 1)[tile] = sum;
}

// ---- The log of an epoch, one row for each batch -------------------------------------------

// rows[count] = number.
// words: number, rows, count
TASK(append_number) {
    if (!threadIdx.x) AT(T, 1)[*AT(const int, 2)] = *AT(const T, 0);
}

// rows[count] = sum of scores (N,) times weights (N,), which may be 0: no weights. Scores are bytes, or
// numbers where word 5 is 1; rows is of double.
// words: scores, rows, count, N, weights, kind
TASK(append_sum) {
    const T* weights = AT(const T, 4);
    T sum = 0;
    for (int i = threadIdx.x; i < SIZE(3); i += THREADS) {
        const T score = w[5] ? AT(const T, 0)[i] : (T)AT(const u8, 0)[i];
        sum += weights ? score * weights[i] : score;
    }
    sum = total(sum, memory);
    if (!threadIdx.x) AT(double, 1)[*AT(const int, 2)] = sum;
}

// rows[count, tile] = sum of column tile of scores (N, width), of double, times weights (N,) as above.
// words: scores, rows, count, N, width, weights
TASK(append_sums) {
    const int width = SIZE(4); const T* weights = AT(const T, 5);
    double sum = 0;
    for (int n = threadIdx.x; n < SIZE(3); n += THREADS) {
        const double score = AT(const double, 0)[(i64)n * width + tile];
        sum += weights ? score * weights[n] : score;
    }
    sum = total(sum, memory);
    if (!threadIdx.x) AT(double, 1)[(i64)*AT(const int, 2) * width + tile] = sum;
}

// The end of a step that a graph repeats: ++count.
// words: count
TASK(advance) {
    if (!threadIdx.x) ++*AT(int, 0);
}

// ---- Random numbers: those of numpy's Philox under the key (low, high) ---------------------

// Philox4x64-10, block number `block` of a draw: what numpy.random.Philox gives from its counter
// (block, 0, 0, draw). Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
__device__ __forceinline__ void philox(u64 low, u64 high, u64 draw, u64 block, u64* c) {
    c[0] = block; c[1] = 0; c[2] = 0; c[3] = draw;
    for (int round = 0; round < 10; ++round) {
        const u64 top0 = __umul64hi(0xD2E7470EE14C6C93ull, c[0]), bottom0 = 0xD2E7470EE14C6C93ull * c[0];
        const u64 top2 = __umul64hi(0xCA5A826395121157ull, c[2]), bottom2 = 0xCA5A826395121157ull * c[2];
        c[0] = top2 ^ c[1] ^ low; c[1] = bottom2;
        c[2] = top0 ^ c[3] ^ high; c[3] = bottom0;
        low += 0x9E3779B97F4A7C15ull; high += 0xBB67AE8584CAA73Bull;
    }
}

// The number of the draw: that of the step's row of the table, if there is a table, else word 6.
__device__ __forceinline__ u64 draw_of(const i64* w) {
    const double* row = row_of(w);
    return row ? (u64)*row : (u64)w[6];
}

// out (size,): scale where a 16-bit number is below the threshold, else 0. A thread does the 16
// numbers of a block of random bits.
// words: out, table, count, width, column, size, draw, key low, key high, threshold, scale (its bits
// as double)
TASK(keep_mask) {
    T* out = AT(T, 0);
    const int size = SIZE(5);
    const u64 draw = draw_of(w), threshold = (u64)w[9];
    const T scale = (T)__longlong_as_double(w[10]);
    EACH(block, (size + 15) / 16) {
        u64 bits[4];
        philox((u64)w[7], (u64)w[8], draw, (u64)block + 1, bits);
        #pragma unroll  // keeps the bits in registers
        for (int i = 0; i < 16 && block * 16 + i < size; ++i)
            out[block * 16 + i] = (bits[i / 4] >> (i % 4 * 16) & 0xFFFF) < threshold ? scale : (T)0;
    }
}

// out (size,): numbers in [0, 1) of 24 bits as float, one for each half of a word, the low half
// first; of 53 bits as double.
// words: out, table, count, width, column, size, draw, key low, key high
TASK(uniform) {
    T* out = AT(T, 0);
    const int size = SIZE(5), each = 32 / sizeof(T);
    const u64 draw = draw_of(w);
    EACH(block, (size + each - 1) / each) {
        u64 bits[4];
        philox((u64)w[7], (u64)w[8], draw, (u64)block + 1, bits);
        #pragma unroll  // keeps the bits in registers
        for (int i = 0; i < each && block * each + i < size; ++i)
            out[block * each + i] = sizeof(T) == 8
                ? (T)((double)(bits[i % 4] >> 11) * (1.0 / 9007199254740992.0))
                : (T)((float)((unsigned)(bits[i / 2 % 4] >> (i % 2 * 32)) >> 8) * (1.0f / 16777216.0f));
    }
}

// ---- Rules, generated from formulas, and the list of tasks that become kernels -------------

//RULES//

#ifndef TASKS
#define TASKS(X) \
    X(pick_scaled) X(pick_rows) X(product) X(sum_rows) X(cross_entropy_rows) \
    X(soft_cross_entropy_rows) X(smooth_rows) X(softmax_of_each) X(gradient_of_each) \
    X(mean_of_vector) X(is_right) X(same_largest) X(is_in_top) X(same_side) X(fractions_right) \
    X(all_right) X(mean_errors) X(r2_terms) X(squares_of_tiles) X(append_number) X(append_sum) X(append_sums) X(advance) \
    X(keep_mask) X(uniform)
#endif
// A kernel run_<task> for each task.
#define KERNEL(name) \
    extern "C" __global__ void __launch_bounds__(THREADS) run_##name(const __grid_constant__ Words words) { \
        SHARED(Memory, memory); \
        name(words.w, blockIdx.x, gridDim.x, memory); \
    }
TASKS(KERNEL)
