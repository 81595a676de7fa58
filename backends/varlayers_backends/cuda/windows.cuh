// Windows that slide over arrays (n, *space, channels), with three axes in space: one of
// length 1 stands for an axis that is missing.

struct Sliding {
    int space[3], out[3], filter[3], strides[3], dilations[3], lows[3];
    int channels;
};

// Where along an axis output i meets offset m of the filter; outside of x, maybe.
__device__ inline int met(const Sliding &s, int axis, int i, int m) {
    return i * s.strides[axis] + m * s.dilations[axis] - s.lows[axis];
}

__device__ inline bool inside(const Sliding &s, int axis, int j) {
    return j >= 0 && j < s.space[axis];
}

// Split a number into its digits, the last axis fastest; return what is left.
__device__ inline i64 digits(i64 number, const int *lengths, int *out) {
    for (int axis = 2; axis >= 0; --axis) {
        out[axis] = number % lengths[axis];
        number /= lengths[axis];
    }
    return number;
}

// What the outputs number first, first + 1, … see of x, (rows, *filter, channels). A
// thread keeps its column and goes down ROWS rows, so it divides once in as many.
#define ROWS 32
KERNEL patches(const real *x, Sliding s, i64 first, i64 rows, real *out) {
    const int width = s.filter[0] * s.filter[1] * s.filter[2] * s.channels;
    const i64 example_size = (i64)s.space[0] * s.space[1] * s.space[2] * s.channels;
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    int m[3], i[3], j[3];
    digits(column / s.channels, s.filter, m);
    for (i64 start = blockIdx.y * (i64)ROWS; start < rows; start += gridDim.y * ROWS) {
        const real *from =
            x + digits(first + start, s.out, i) * example_size + column % s.channels;
        const i64 end = rows - start < ROWS ? rows : start + ROWS;
        for (i64 row = start; row < end; ++row) {
            bool seen = true;
            for (int axis = 0; axis < 3; ++axis) {
                j[axis] = met(s, axis, i[axis], m[axis]);
                seen = seen && inside(s, axis, j[axis]);
            }
            const i64 at = ((i64)j[0] * s.space[1] + j[1]) * s.space[2] + j[2];
            out[row * width + column] = seen ? from[at * s.channels] : 0;
            if (++i[2] < s.out[2]) continue;
            i[2] = 0;
            if (++i[1] < s.out[1]) continue;
            i[1] = 0;
            if (++i[0] < s.out[0]) continue;
            i[0] = 0;
            from += example_size;
        }
    }
}

// The weight of each example, loc + Δ ∘ r sᵀ, (n, taps, c, o), with r (n, c), s (n, o).
KERNEL flipped_weights(const real *loc, const real *delta, const real *r,
                       const real *s, i64 n, int taps, int c, int o, real *out) {
    const i64 size = (i64)taps * c * o;
    EACH(i, n * size) {
        const i64 b = i / size, entry = i % size;
        const real sign = r[b * c + entry / o % c] * s[b * o + entry % o];
        out[i] = loc[entry] + delta[entry] * sign;
    }
}

// dloc += Σ dW_b and ddelta += Σ dW_b ∘ r_b s_bᵀ, for dW with o first, (n, o, taps, c).
KERNEL add_flipped(const real *dw, const real *r, const real *s, i64 n, int taps, int c,
                   int o, real *dloc, real *ddelta) {
    const i64 size = (i64)taps * c * o;
    EACH(i, size) {
        const int channel = i % c, out = i / ((i64)taps * c);
        real plain = 0, flipped = 0;
        for (i64 b = 0; b < n; ++b) {
            const real each = dw[b * size + i];
            plain += each;
            flipped += each * (r[b * c + channel] * s[b * o + out]);
        }
        const i64 entry = i % ((i64)taps * c) * o + out;
        dloc[entry] += plain;
        ddelta[entry] += flipped;
    }
}

// `Kernels.max_pool`, one output in a thread.
template <class Index>
__device__ void pool(const real *x, const Sliding &s, i64 n, real *y, Index *index) {
    EACH(at, n) {
        int i[3];
        const int channel = at % s.channels;
        const i64 example = digits(at / s.channels, s.out, i);
        const real *from =
            x + example * s.space[0] * s.space[1] * s.space[2] * s.channels + channel;
        real best = -INFINITE;
        int chosen = 0, number = 0, m[3];
        for (m[0] = 0; m[0] < s.filter[0]; ++m[0])
            for (m[1] = 0; m[1] < s.filter[1]; ++m[1])
                for (m[2] = 0; m[2] < s.filter[2]; ++m[2], ++number) {
                    i64 j = 0;
                    bool seen = true;
                    for (int axis = 0; axis < 3; ++axis) {
                        const int there = met(s, axis, i[axis], m[axis]);
                        seen = seen && inside(s, axis, there);
                        j = j * s.space[axis] + there;
                    }
                    const real value = seen ? from[j * s.channels] : best;
                    if (seen && (value > best || value != value)) {
                        best = value;
                        chosen = number;
                    }
                }
        y[at] = best;
        index[at] = (Index)chosen;
    }
}

KERNEL max_pool_short(const real *x, Sliding s, i64 n, real *y, unsigned char *index) {
    pool(x, s, n, y, index);
}

KERNEL max_pool_long(const real *x, Sliding s, i64 n, real *y, int *index) {
    pool(x, s, n, y, index);
}

// `Kernels.max_pool_backward`, one entry of x in a thread: it asks each window that it
// is in, so nothing is added up by two threads.
template <class Index>
__device__ void unpool(const real *dy, const Index *index, const Sliding &s, i64 n,
                       real *dx) {
    EACH(at, n) {
        int j[3], m[3], number = 0;
        const int channel = at % s.channels;
        const i64 example = digits(at / s.channels, s.space, j);
        real sum = 0;
        for (m[0] = 0; m[0] < s.filter[0]; ++m[0])
            for (m[1] = 0; m[1] < s.filter[1]; ++m[1])
                for (m[2] = 0; m[2] < s.filter[2]; ++m[2], ++number) {
                    i64 i = example;
                    bool seen = true;
                    for (int axis = 0; axis < 3; ++axis) {
                        const int steps =
                            j[axis] + s.lows[axis] - m[axis] * s.dilations[axis];
                        const int there = steps / s.strides[axis];
                        seen = seen && steps >= 0 && there < s.out[axis] &&
                               steps % s.strides[axis] == 0;
                        i = i * s.out[axis] + there;
                    }
                    i = i * s.channels + channel;
                    if (seen && index[i] == number) sum += dy[i];
                }
        dx[at] = sum;
    }
}

KERNEL max_pool_backward_short(const real *dy, const unsigned char *index, Sliding s,
                               i64 n, real *dx) {
    unpool(dy, index, s, n, dx);
}

KERNEL max_pool_backward_long(const real *dy, const int *index, Sliding s, i64 n,
                              real *dx) {
    unpool(dy, index, s, n, dx);
}
