// Random numbers: Threefry-2x32, the same words as `Kernels.words` and `fold_in`.
//
// Where a kernel takes a key there may be words `given` that stand for it, in memory.
//
// Reference: Salmon, Moraes, Dror & Shaw (2011), doi:10.1145/2063384.2063405.

struct Words {
    u32 first, second;
};

__device__ inline u32 rotated(u32 word, int by) {
    return word << by | word >> (32 - by);
}

template <int rounds>
__device__ Words threefry(u32 k0, u32 k1, u32 c0, u32 c1) {
    const u32 schedule[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDA};
    const int rotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    u32 x0 = c0 + k0, x1 = c1 + k1;
#pragma unroll
    for (int round = 0; round < rounds; ++round) {
        x0 += x1;
        x1 = rotated(x1, rotations[round % 8]) ^ x0;
        if (round % 4 == 3) {
            const int group = round / 4 + 1;
            x0 += schedule[group % 3];
            x1 += schedule[(group + 1) % 3] + group;
        }
    }
    return {x0, x1};
}

// The words 2j and 2j + 1 of a key.
__device__ inline Words words_at(u32 k0, u32 k1, i64 j) {
    return threefry<13>(k0, k1, (u32)j, 0);
}

KERNEL words(u32 k0, u32 k1, i64 n, u32 *out, const u32 *given) {
    if (given) k0 = given[0], k1 = given[1];
    EACH(j, (n + 1) / 2) {
        Words pair = words_at(k0, k1, j);
        out[2 * j] = pair.first;
        if (2 * j + 1 < n) out[2 * j + 1] = pair.second;
    }
}

// The upper bits of a word, as many as every type can hold: 24, or 11 of 16 bits.
__device__ inline real uniform_of(u32 word) {
    const int bits = sizeof(held) == 2 ? 11 : 24;
    return (real)(word >> (32 - bits)) / (1 << bits);
}

KERNEL uniform(u32 k0, u32 k1, i64 n, held *out, const u32 *given) {
    if (given) k0 = given[0], k1 = given[1];
    EACH(j, (n + 1) / 2) {
        Words pair = words_at(k0, k1, j);
        out[2 * j] = uniform_of(pair.first);
        if (2 * j + 1 < n) out[2 * j + 1] = uniform_of(pair.second);
    }
}

//     r = sqrt(-2 log(first / 2**32 + 2**-33))     a = 2π second / 2**32
//     normal[2j], normal[2j + 1] = r cos a, r sin a
KERNEL normal(u32 k0, u32 k1, i64 n, held *out, const u32 *given) {
    if (given) k0 = given[0], k1 = given[1];
    EACH(j, (n + 1) / 2) {
        Words pair = words_at(k0, k1, j);
        real unit = (real)pair.first * (real)0x1p-32 + (real)0x1p-33;
        real r = sqrt(-2 * log(unit)), sine, cosine;
        sincospi((real)pair.second * (real)0x1p-31, &sine, &cosine);
        out[2 * j] = r * cosine;
        if (2 * j + 1 < n) out[2 * j + 1] = r * sine;
    }
}

// Element 32 j + b is -1 where bit b of word j is set, else 1. A block makes two words
// in each thread, and then writes their bits side by side.
KERNEL signs(u32 k0, u32 k1, i64 n, held *out, const u32 *given) {
    if (given) k0 = given[0], k1 = given[1];
    __shared__ u32 bits[2 * MOST_THREADS];
    const i64 chunk = 64 * (i64)blockDim.x;
    for (i64 start = blockIdx.x * chunk; start < n; start += gridDim.x * chunk) {
        Words pair = words_at(k0, k1, start / 64 + threadIdx.x);
        bits[2 * threadIdx.x] = pair.first;
        bits[2 * threadIdx.x + 1] = pair.second;
        __syncthreads();
        const i64 left = n - start < chunk ? n - start : chunk;
        for (i64 i = threadIdx.x; i < left; i += blockDim.x)
            out[start + i] = bits[i / 32] >> (i % 32) & 1 ? -1 : 1;
        __syncthreads();
    }
}
