// Passes over weights and outputs: each is the method of `Kernels` of its name. Arrays
// are contiguous, of one length n. Numbers `given` in memory stand for some arguments.

// scale = log(1 + exp(rho)) + shift, and its slope 1 / (1 + exp(-rho)), no overflow.
KERNEL scale_normal(const held *rho, real shift, i64 n, held *scale, held *slope) {
    EACH(i, n) {
        real x = rho[i], t = exp(x > 0 ? -x : x);
        scale[i] = (x > 0 ? x : 0) + log1p(t) + shift;
        slope[i] = (x >= 0 ? 1 : t) / (1 + t);
    }
}

KERNEL add_product(const held *z, const held *x, const held *y, i64 n, held *out) {
    EACH(i, n) out[i] = z[i] + x[i] * y[i];
}

KERNEL sample_normal_backward(const held *slope, const held *eps, const held *dw,
                              i64 n, held *drho) {
    EACH(i, n) drho[i] = dw[i] * eps[i] * slope[i];
}

KERNEL variance_normal_backward(const held *scale, const held *slope,
                                const held *dvar, i64 n, held *drho) {
    EACH(i, n) drho[i] = 2 * scale[i] * dvar[i] * slope[i];
}

// Add one element's gradient and return its divergence.
__device__ inline real add_kl(real loc, real scale, real slope, real prior_loc,
                              real prior_scale, real weight, held *dloc, held *drho) {
    const real d = (loc - prior_loc) / prior_scale, r = scale / prior_scale;
    const bool positive = scale > 0;
    *dloc += weight * (d / prior_scale);
    *drho += weight * (r / prior_scale * slope - (positive ? slope / scale : 1));
    return (real)0.5 * (d * d + r * r - 1) - (positive ? log(r) : -INFINITE);
}

// The divergence comes in one part for each block; `sum_parts` adds them.
KERNEL add_kl_normal(const held *loc, const held *scale, const held *slope,
                     real prior_loc, real prior_scale, real weight, i64 n, held *dloc,
                     held *drho, real *parts, const real *given) {
    real kl = 0;
    if (given) weight = given[0];
    EACH(i, n)
    kl += add_kl(loc[i], scale[i], slope[i], prior_loc, prior_scale, weight, dloc + i,
                 drho + i);
    kl = block_fold<Sum>(kl);
    if (threadIdx.x == 0) parts[blockIdx.x] = kl;
}

// The same with arrays for the prior, which start again after so many elements.
KERNEL add_kl_normal_arrays(const held *loc, const held *scale, const held *slope,
                            const held *prior_loc, i64 loc_period,
                            const held *prior_scale, i64 scale_period, real weight,
                            i64 n, held *dloc, held *drho, real *parts,
                            const real *given) {
    real kl = 0;
    if (given) weight = given[0];
    EACH(i, n)
    kl += add_kl(loc[i], scale[i], slope[i], prior_loc[i % loc_period],
                 prior_scale[i % scale_period], weight, dloc + i, drho + i);
    kl = block_fold<Sum>(kl);
    if (threadIdx.x == 0) parts[blockIdx.x] = kl;
}

// By a single block.
KERNEL sum_parts(const real *parts, i64 n, held *out) {
    real total = 0;
    EACH(i, n) total += parts[i];
    total = block_fold<Sum>(total);
    if (threadIdx.x == 0) out[0] = total;
}

KERNEL local_noise(const held *mean, const held *variance, const held *eps, i64 n,
                   held *y, held *s) {
    EACH(i, n) {
        s[i] = sqrt(variance[i]);
        y[i] = mean[i] + s[i] * eps[i];
    }
}

KERNEL local_noise_backward(const held *s, const held *eps, const held *dy, i64 n,
                            held *dvar) {
    EACH(i, n) dvar[i] = s[i] > 0 ? dy[i] * eps[i] / (2 * s[i]) : 0;
}

// The largest of a row, and log(sum(exp(x - most))), by a block.
__device__ inline real block_log_total(const held *x, i64 width, real &most) {
    real total = 0;
    most = -INFINITE;
    for (i64 i = threadIdx.x; i < width; i += blockDim.x) most = Most::of(most, x[i]);
    most = block_fold<Most>(most);
    for (i64 i = threadIdx.x; i < width; i += blockDim.x) total += exp(x[i] - most);
    return log(block_fold<Sum>(total));
}

// A block takes one row after another.
KERNEL log_softmax(const held *logits, i64 rows, i64 width, held *out) {
    for (i64 row = blockIdx.x; row < rows; row += gridDim.x) {
        const held *x = logits + row * width;
        real most, rest = block_log_total(x, width, most);
        for (i64 i = threadIdx.x; i < width; i += blockDim.x)
            out[row * width + i] = x[i] - most - rest;
    }
}

KERNEL cross_entropy(const held *logits, const held *targets, i64 rows, i64 width,
                     held *value, held *gradient) {
    for (i64 row = blockIdx.x; row < rows; row += gridDim.x) {
        const held *x = logits + row * width, *t = targets + row * width;
        real most, rest = block_log_total(x, width, most), entropy = 0, mass = 0;
        for (i64 i = threadIdx.x; i < width; i += blockDim.x) {
            entropy -= t[i] == 0 ? 0 : t[i] * (x[i] - most - rest);
            mass += t[i];
        }
        entropy = block_fold<Sum>(entropy);
        mass = block_fold<Sum>(mass);
        for (i64 i = threadIdx.x; i < width; i += blockDim.x)
            gradient[row * width + i] = exp(x[i] - most - rest) * mass - t[i];
        if (threadIdx.x == 0) value[row] = entropy;
    }
}

// keep = 1 - rate decay, factor = rate / (1 - beta1^step), unbias = 1 - beta2^step.
KERNEL adam(held *param, const held *grad, held *m, held *v, real beta1, real add1,
            real beta2, real add2, real eps, real unbias, real factor, real keep, i64 n,
            const real *given) {
    if (given) unbias = given[0], factor = given[1], keep = given[2];
    EACH(i, n) {
        const real g = grad[i];
        const real m_ = beta1 * m[i] + add1 * g, v_ = beta2 * v[i] + add2 * (g * g);
        m[i] = m_;
        v[i] = v_;
        param[i] = keep * param[i] - factor * m_ / (sqrt(v_ / unbias) + eps);
    }
}

KERNEL sgd(held *param, const held *grad, held *velocity, real rate, real momentum,
           int nesterov, real decay, i64 n, const real *given) {
    if (given) rate = given[0];
    EACH(i, n) {
        const real g = grad[i] + decay * param[i];
        velocity[i] = momentum * velocity[i] + g;
        param[i] -= rate * (nesterov ? g + momentum * velocity[i] : velocity[i]);
    }
}

KERNEL descend(held *param, const held *grad, real rate, real decay, i64 n,
               const real *given) {
    if (given) rate = given[0];
    EACH(i, n) param[i] -= rate * (grad[i] + decay * param[i]);
}
