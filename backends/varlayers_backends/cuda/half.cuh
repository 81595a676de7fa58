// Arrays of 16 bits: a Half is kept as such, and computed with as a float.

#ifdef __CUDACC__
__device__ inline float half_to_float(unsigned short bits) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}

__device__ inline unsigned short float_to_half(float x) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}
#endif

struct Half {
    unsigned short bits;
    __device__ operator float() const { return half_to_float(bits); }
    __device__ Half &operator=(float x) {
        bits = float_to_half(x);
        return *this;
    }
    __device__ Half &operator+=(float x) { return *this = *this + x; }
    __device__ Half &operator-=(float x) { return *this = *this - x; }
};
