// What the CUDA kernels share. The files are joined in the order that cupy_launch.py
// names, and compiled once for each dtype: arrays hold entries of type HELD, which is
// Half, float or double, and numbers are computed in REAL, float or double.
//
// Every kernel takes any grid: a thread goes on to the next element that is free. The
// lengths are 64-bit, for arrays may have more than 2**32 elements.

typedef REAL real;
typedef HELD held;
typedef unsigned int u32;
typedef long long i64;

#define KERNEL extern "C" __global__ void
#define MOST_THREADS 256
#define INFINITE (-log((real)0))

// Each i < n, dealt among all threads of the grid.
#define EACH(i, n)                                                                 \
    for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < (n);              \
         i += gridDim.x * (i64)blockDim.x)

struct Sum {
    static __device__ real of(real a, real b) { return a + b; }
};

struct Most {
    static __device__ real of(real a, real b) { return a > b ? a : b; }
};

// Combine the values of a block's threads, as many as a power of two, always in the
// same order. Every thread gets the result; all of them must call.
template <class Of>
__device__ real block_fold(real value) {
    __shared__ real parts[MOST_THREADS];
    parts[threadIdx.x] = value;
    for (u32 half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            parts[threadIdx.x] =
                Of::of(parts[threadIdx.x], parts[threadIdx.x + half]);
    }
    __syncthreads();
    real result = parts[0];
    __syncthreads();  // before anybody overwrites the parts
    return result;
}
