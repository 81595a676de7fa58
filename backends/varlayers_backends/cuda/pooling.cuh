// Max pooling of arrays (n, *space, channels), by the windows of windows.cuh.

// `Kernels.max_pool`, one output in a thread.
template <class Index>
__device__ void pool(const held *x, const Sliding &s, i64 n, held *y, Index *index) {
    EACH(at, n) {
        int i[3];
        const int channel = at % s.channels;
        const i64 example = digits(at / s.channels, s.out, i);
        const held *from =
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

KERNEL max_pool_short(const held *x, Sliding s, i64 n, held *y, unsigned char *index) {
    pool(x, s, n, y, index);
}

KERNEL max_pool_long(const held *x, Sliding s, i64 n, held *y, int *index) {
    pool(x, s, n, y, index);
}

// `Kernels.max_pool_backward`, one entry of x in a thread: it asks each window that it
// is in, so nothing is added up by two threads.
template <class Index>
__device__ void unpool(const held *dy, const Index *index, const Sliding &s, i64 n,
                       held *dx) {
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

KERNEL max_pool_backward_short(const held *dy, const unsigned char *index, Sliding s,
                               i64 n, held *dx) {
    unpool(dy, index, s, n, dx);
}

KERNEL max_pool_backward_long(const held *dy, const int *index, Sliding s, i64 n,
                              held *dx) {
    unpool(dy, index, s, n, dx);
}
