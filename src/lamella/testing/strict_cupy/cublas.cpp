// The part of cuBLAS that lamella calls, on matrices in host memory, with NVIDIA's signatures.
//
// It checks arguments as cuBLAS does. A product is handed to the stand-in's streams, which do it, or
// keep it for a graph. With a workspace the terms of a sum are divided in four, so that a product
// without one has other bits.
#include <stdint.h>

enum Status { SUCCESS, NOT_INITIALIZED, ALLOC_FAILED = 3, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
struct Handle { void *stream, *workspace; };
struct Product {
    int type, is_rounded, turned_a, turned_b, m, n, k, parts;
    double alpha, beta;
    const void *a, *b;
    void* c;
    int64_t lda, ldb, ldc;
};
static Handle handles[4096];
static int count;
static int (*allocate)();
static int (*enqueue)(void* stream, int has_workspace, const void* product, size_t bytes);

static bool is_live(const Handle* handle) {
    for (int i = 0; i < count; ++i)
        if (handle == handles + i) return true;
    return false;
}

static int most(int a, int b) { return a > b ? a : b; }

template <typename T> static T rounded(T x) { return x; }
template <> float rounded<float>(float x) {  // to TF32, which has 10 bits after the first
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits = (bits + 0x1000) & ~0x1FFFu;
    memcpy(&x, &bits, 4);
    return x;
}

template <typename T> static void multiply_as(const Product& p) {
    const T *a = (const T*)p.a, *b = (const T*)p.b;
    const int64_t down_a = p.turned_a ? p.lda : 1, across_a = p.turned_a ? 1 : p.lda;
    const int64_t down_b = p.turned_b ? p.ldb : 1, across_b = p.turned_b ? 1 : p.ldb;
    for (int64_t j = 0; j < p.n; ++j)
        for (int64_t i = 0; i < p.m; ++i) {
            T total = 0;
            for (int part = 0; part < p.parts; ++part) {
                T sum = 0;
                for (int64_t k = part; k < p.k; k += p.parts) {
                    const T x = a[i * down_a + k * across_a], y = b[k * down_b + j * across_b];
                    sum += p.is_rounded ? rounded(x) * rounded(y) : x * y;
                }
                total += sum;
            }
            T& c = ((T*)p.c)[i + j * p.ldc];
            c = (T)p.alpha * total + (p.beta ? (T)p.beta * c : 0);  // a beta of 0 reads no NaN
        }
}

extern "C" {
void set_streams(int (*to_allocate)(), int (*to_enqueue)(void*, int, const void*, size_t)) {
    allocate = to_allocate;
    enqueue = to_enqueue;
}

void multiply(const Product* p) { p->type ? multiply_as<double>(*p) : multiply_as<float>(*p); }

int cublasCreate_v2(Handle** handle) {
    if (!handle) return INVALID_VALUE;
    if (count == 4096 || allocate()) return ALLOC_FAILED;
    *handle = handles + count++;
    return SUCCESS;
}

int cublasSetStream_v2(Handle* handle, void* stream) {
    if (!is_live(handle)) return NOT_INITIALIZED;
    *handle = {stream, nullptr};  // the workspace becomes cuBLAS's own
    return SUCCESS;
}

int cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
    if (!is_live(handle)) return NOT_INITIALIZED;
    handle->workspace = bytes ? workspace : nullptr;
    return SUCCESS;
}

int cublasGemmEx(
    Handle* handle, int transa, int transb, int m, int n, int k, const void* alpha,
    const void* a, int type_a, int lda, const void* b, int type_b, int ldb, const void* beta,
    void* c, int type_c, int ldc, int arithmetic, int algorithm
) {
    if (!is_live(handle)) return NOT_INITIALIZED;
    if (transa < 0 || transa > 2 || transb < 0 || transb > 2 || m < 0 || n < 0 || k < 0)
        return INVALID_VALUE;
    if (lda < most(1, transa ? k : m) || ldb < most(1, transb ? n : k) || ldc < most(1, m))
        return INVALID_VALUE;
    if (!alpha || !beta || !a || !b || !c) return INVALID_VALUE;
    const bool is_float = !type_a && (arithmetic == 68 || arithmetic == 77);
    const bool is_double = type_a == 1 && arithmetic == 70;
    if (type_a != type_b || type_a != type_c || !(is_float || is_double) || algorithm != -1)
        return NOT_SUPPORTED;
    const Product product = {
        type_a, arithmetic == 77, transa, transb, m, n, k, handle->workspace ? 4 : 1,
        is_float ? *(const float*)alpha : *(const double*)alpha,
        is_float ? *(const float*)beta : *(const double*)beta,
        a, b, c, lda, ldb, ldc,
    };
    return enqueue(handle->stream, handle->workspace != nullptr, &product, sizeof product);
}
}
