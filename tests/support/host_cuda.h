// CUDA's words for the host's compiler: one thread after another, in the loops of `run`.
//
// A kernel with a barrier runs as fibers: each thread of a block has a stack of its own
// and goes on to the next barrier in turn. `run` returns what went wrong, or null.

#include <csetjmp>
#include <cmath>
#include <cstring>
#include <ucontext.h>

struct dim3 {
    unsigned x, y, z;
};
static dim3 gridDim, blockDim, blockIdx, threadIdx;

#define __global__
#define __device__
#define __shared__ static

using std::exp;
using std::log;
using std::log1p;
using std::sqrt;

static void sincospi(double x, double *sine, double *cosine) {
    const double angle = std::remainder(x, 2.0) * 3.14159265358979323846;
    *sine = std::sin(angle);
    *cosine = std::cos(angle);
}

static void sincospi(float x, float *sine, float *cosine) {
    double s, c;
    sincospi((double)x, &s, &c);
    *sine = (float)s;
    *cosine = (float)c;
}

static float half_to_float(unsigned short bits) {
    _Float16 x;
    std::memcpy(&x, &bits, sizeof x);
    return (float)x;
}

static unsigned short float_to_half(float value) {
    const _Float16 x = (_Float16)value;
    unsigned short bits;
    std::memcpy(&bits, &x, sizeof x);
    return bits;
}

static const unsigned MOST_FIBERS = 1024, STACK = 1 << 15;

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    bool started, done;
    alignas(16) char stack[STACK];
};

static Fiber fibers[MOST_FIBERS];
static jmp_buf scheduler;
static unsigned current, finished, waiting;
static bool with_barriers, lost;
static void (*kernel)(void **);
static void **arguments;

static void __syncthreads() {
    lost = lost || !with_barriers;
    if (with_barriers && !_setjmp(fibers[current].at)) _longjmp(scheduler, 1);
}

static void whole_fiber() {
    kernel(arguments);
    fibers[current].done = true;
    _longjmp(scheduler, 1);
}

static void go_on(unsigned thread) {
    Fiber &fiber = fibers[thread];
    current = threadIdx.x = thread;
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    getcontext(&fiber.start);
    fiber.start.uc_stack.ss_sp = fiber.stack;
    fiber.start.uc_stack.ss_size = STACK;
    fiber.start.uc_link = nullptr;
    makecontext(&fiber.start, whole_fiber, 0);
    setcontext(&fiber.start);
}

static void block_of_fibers() {
    for (unsigned t = 0; t < blockDim.x; ++t) fibers[t].started = fibers[t].done = false;
    do {
        finished = waiting = 0;
        for (unsigned t = 0; t < blockDim.x; ++t) {
            go_on(t);
            ++(fibers[t].done ? finished : waiting);
        }
        lost = lost || (finished && waiting);
    } while (waiting && !lost);
}

static void block_of_calls() {
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) kernel(arguments);
}

static const char *run(void (*function)(void **), bool barriers, const unsigned *grid,
                       const unsigned *block, void **given) {
    kernel = function, arguments = given, with_barriers = barriers, lost = false;
    gridDim = {grid[0], grid[1], grid[2]}, blockDim = {block[0], block[1], block[2]};
    if (blockDim.x > MOST_FIBERS || blockDim.y * blockDim.z != 1 || gridDim.z != 1)
        return "a grid that this stand-in does not know";
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
        for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
            if (barriers)
                block_of_fibers();
            else
                block_of_calls();
            if (lost) return "a barrier that not every thread reaches";
        }
    return nullptr;
}
