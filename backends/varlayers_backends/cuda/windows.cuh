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
KERNEL patches(const held *x, Sliding s, i64 first, i64 rows, held *out) {
    const int width = s.filter[0] * s.filter[1] * s.filter[2] * s.channels;
    const i64 example_size = (i64)s.space[0] * s.space[1] * s.space[2] * s.channels;
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    int m[3], i[3], j[3];
    digits(column / s.channels, s.filter, m);
    for (i64 start = blockIdx.y * (i64)ROWS; start < rows; start += gridDim.y * ROWS) {
        const held *from =
            x + digits(first + start, s.out, i) * example_size + column % s.channels;
        const i64 end = rows - start < ROWS ? rows : start + ROWS;
        for (i64 row = start; row < end; ++row) {
            bool seen = true;
            for (int axis = 0; axis < 3; ++axis) {
                j[axis] = met(s, axis, i[axis], m[axis]);
                seen = seen && inside(s, axis, j[axis]);
            }
            const i64 at = ((i64)j[0] * s.space[1] + j[1]) * s.space[2] + j[2];
            out[row * width + column] = seen ? (real)from[at * s.channels] : 0;
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

// The weight (*Q, o, *phases, c) of the way back, Q = out, from w (*filter, c, o): its
// tap q reversed has for phase p the weight of offset q s + p = m d, or 0.
KERNEL phases(const held *w, Sliding s, int o, i64 n, held *out) {
    EACH(at, n) {
        int p[3], t[3];
        const i64 rest = digits(at / s.channels, s.strides, p);
        digits(rest / o, s.out, t);
        i64 m = 0;
        bool seen = true;
        for (int axis = 0; axis < 3; ++axis) {
            const int offset = (s.out[axis] - 1 - t[axis]) * s.strides[axis] + p[axis];
            const int number = offset / s.dilations[axis];
            seen = seen && offset % s.dilations[axis] == 0 && number < s.filter[axis];
            m = m * s.filter[axis] + number;
        }
        const i64 entry = (m * s.channels + at % s.channels) * o + rest % o;
        out[at] = seen ? (real)w[entry] : 0;
    }
}

// x (n, *space, c) from its phases (n, *out, *phases, c), where x[0] has place `lows`.
KERNEL side_by_side(const held *parts, Sliding s, i64 n, held *x) {
    EACH(at, n) {
        int j[3];
        i64 place = digits(at / s.channels, s.space, j), phase = 0;
        for (int axis = 0; axis < 3; ++axis) {
            const int there = j[axis] + s.lows[axis];
            place = place * s.out[axis] + there / s.strides[axis];
            phase = phase * s.strides[axis] + there % s.strides[axis];
        }
        const i64 count = (i64)s.strides[0] * s.strides[1] * s.strides[2];
        x[at] = parts[(place * count + phase) * s.channels + at % s.channels];
    }
}

// The weight of each example, loc + Δ ∘ r sᵀ, (n, taps, c, o), with r (n, c), s (n, o).
KERNEL flipped_weights(const held *loc, const held *delta, const held *r,
                       const held *s, i64 n, int taps, int c, int o, held *out) {
    const i64 size = (i64)taps * c * o;
    EACH(i, n * size) {
        const i64 b = i / size, entry = i % size;
        const real sign = r[b * c + entry / o % c] * s[b * o + entry % o];
        out[i] = loc[entry] + delta[entry] * sign;
    }
}

// dloc += Σ dW_b and ddelta += Σ dW_b ∘ r_b s_bᵀ, for dW with o first, (n, o, taps, c).
KERNEL add_flipped(const held *dw, const held *r, const held *s, i64 n, int taps, int c,
                   int o, held *dloc, held *ddelta) {
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
