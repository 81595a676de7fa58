"""The specification: every kernel against its formula, generic and as overridden.

Random numbers are the matter of `test_random.py`.
"""

import math
import re
from statistics import NormalDist

import numpy as np
import pytest
from scipy.integrate import quad
from support.libraries import make_library

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.random import key, native

DTYPES = ["float32", "float64"]
EPS = {"float32": 1.2e-7, "float64": 2.3e-16}


class GenericOnDevice(Kernels):
    """The generic kernels, and the way to the host that no standard gives."""

    def to_numpy(self, x):
        return x.get()


@pytest.fixture(params=["generic", "own"])
def k(request, library):
    """The generic kernels on each library, and those that dispatch finds for it."""
    if request.param == "generic":
        on_device = library.name.startswith("cupy")
        return (GenericOnDevice if on_device else Kernels)(library.xp)
    return kernels_for(library.asarray(0.0))


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def run(library, method, *arguments, dtype="float64", **options):
    """Call a method with NumPy arrays moved to the library; return NumPy arrays."""
    moved = [
        library.asarray(argument, dtype)
        if isinstance(argument, np.ndarray)
        else argument
        for argument in arguments
    ]
    results = method(*moved, **options)
    hosts = [library.to_numpy(result) for result in _tuple(results)]
    assert all(host.dtype == dtype for host in hosts)
    return tuple(hosts) if isinstance(results, tuple) else hosts[0]


def _tuple(results):
    return results if isinstance(results, tuple) else (results,)


# ---- arrays -----------------------------------------------------------------------


def test_matmul(library, k):
    a, b = random(0, 3, 4), random(1, 5, 4).T
    exact = np.einsum("ij,jk->ik", a, b)
    np.testing.assert_allclose(run(library, k.matmul, a, b), exact, rtol=1e-12)


def test_repr_names_the_library():
    assert repr(Kernels(np)) == "Kernels(numpy)"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data", [[[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])])
def test_host_data_takes_dtype_and_device(library, k, dtype, data):
    like = library.asarray([0.0], dtype)
    made = k.asarray(data, like)
    assert made.dtype == like.dtype
    assert k.device(made) == k.device(like)
    np.testing.assert_array_equal(library.to_numpy(made), [[1, 2], [3, 4]])


def test_to_numpy(library, k):
    host = k.to_numpy(library.asarray([1.0, 2.0]))
    assert isinstance(host, np.ndarray)
    np.testing.assert_array_equal(host, [1, 2])


# ---- elementwise functions ----------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_is_relatively_exact(library, k, dtype):
    x = np.linspace(-80, 40, 1201).astype(dtype)
    value, slope = run(library, k.softplus, x, dtype=dtype)
    exact = np.array([math.log1p(math.exp(one)) for one in x.tolist()])
    np.testing.assert_allclose(value, exact, rtol=4 * EPS[dtype])
    exact = np.array([1 / (1 + math.exp(-one)) for one in x.tolist()])
    np.testing.assert_allclose(slope, exact, rtol=4 * EPS[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_at_its_corners(library, k, dtype):
    x = np.array([-math.inf, -1e3, 0.0, 1e3, math.inf])
    value, slope = run(library, k.softplus, x, dtype=dtype)
    corners = [0, 0, math.log(2), 1e3, math.inf]
    np.testing.assert_allclose(value, corners, rtol=EPS[dtype])
    np.testing.assert_array_equal(slope, [0, 0, 0.5, 1, 1])


def digamma(x):
    """Return it by its recurrence and, from 20 on, its asymptotic series."""
    if x < 20:
        return digamma(x + 1) - 1 / x
    y = 1 / (x * x)
    tail = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))
    return math.log(x) - 0.5 / x - tail


SPECIAL = {
    "digamma": (digamma, np.geomspace(1e-3, 1e3, 41)),
    "erf": (math.erf, np.linspace(-4, 4, 41)),
    "gammaln": (math.lgamma, np.geomspace(1e-3, 1e3, 41)),
    "ndtri": (NormalDist().inv_cdf, np.linspace(0.001, 0.999, 41)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(library, k, name, dtype):
    function, x = SPECIAL[name]
    x = x.astype(dtype)
    exact = np.array([function(one) for one in x.tolist()])
    actual = run(library, getattr(k, name), x, dtype=dtype)
    tolerance = 30 * EPS[dtype]
    np.testing.assert_allclose(actual, exact, rtol=tolerance, atol=tolerance)


# ---- passes over the weights --------------------------------------------------------


def test_products(library, k):
    x, y, z = random(0, 3, 4, 5)
    np.testing.assert_array_equal(run(library, k.multiply, x, y), x * y)
    actual = run(library, k.add_product, z, x, y)
    np.testing.assert_allclose(actual, z + x * y, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scale_normal_is_shifted_softplus(library, k, dtype):
    rho = np.array([-1e3, -2.0, 0.0, 3.0])
    scale, slope = run(library, k.scale_normal, rho, 1e-3, dtype=dtype)
    exact = softplus(np.array([-50, -2.0, 0.0, 3.0])) + 1e-3
    np.testing.assert_allclose(scale, exact, rtol=4 * EPS[dtype])
    exact = [0, *(1 / (1 + np.exp(-rho[1:])))]
    np.testing.assert_allclose(slope, exact, rtol=4 * EPS[dtype])


def test_backward_of_sample_and_variance(library, k):
    """The gradient by rho of Σ dw w and of Σ dvar scale², by central differences."""
    rho, eps, dy = random(0, 3, 4, 5)
    slope = 1 / (1 + np.exp(-rho))
    h, ends = 1e-5, (rho + 1e-5, rho - 1e-5)
    drho = run(library, k.sample_normal_backward, slope, eps, dy)
    above, below = (dy * softplus(end) * eps for end in ends)
    np.testing.assert_allclose(drho, (above - below) / (2 * h), rtol=1e-7, atol=1e-9)
    drho = run(library, k.variance_normal_backward, softplus(rho), slope, dy)
    above, below = (dy * softplus(end) ** 2 for end in ends)
    np.testing.assert_allclose(drho, (above - below) / (2 * h), rtol=1e-7, atol=1e-9)


def divergence(loc, scale, prior_loc, prior_scale):
    """Return KL(N(loc, scale²) ‖ N(prior_loc, prior_scale²)) by quadrature."""
    q, p = NormalDist(loc, scale), NormalDist(prior_loc, prior_scale)

    def integrand(x):
        log_ratio = (p.zscore(x) ** 2 - q.zscore(x) ** 2) / 2
        return q.pdf(x) * (log_ratio + math.log(prior_scale / scale))

    return quad(integrand, loc - 12 * scale, loc + 12 * scale, epsabs=1e-12)[0]


def softplus(rho):
    return np.log1p(np.exp(rho))


LOC, RHO = np.array([0.3, -1.2, 0.0]), np.array([-1.0, 0.5, 2.0])
DLOC, DRHO = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.0, 1.0])
PRIORS = {
    "numbers": (0.4, 0.7),
    "arrays": (np.array([0.1, -0.4, 1.0]), np.array([0.5, 1.0, 2.0])),
    "both": (0.0, np.array([0.5, 1.0, 2.0])),
}


def total(loc, rho, prior):
    rows = np.broadcast_arrays(loc, softplus(rho), *prior)
    return sum(divergence(*row) for row in np.transpose(rows).tolist())


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_divergence_and_its_gradient(library, k, prior):
    slope = 1 / (1 + np.exp(-RHO))
    kl, dloc, drho = run(
        library, k.add_kl_normal_, LOC, softplus(RHO), slope, *prior, 0.3, DLOC, DRHO
    )
    assert kl.shape == ()
    assert kl == pytest.approx(total(LOC, RHO, prior), rel=1e-10)
    direction, h = random(1, 2, 3), 1e-3
    ends = [
        total(LOC + t * direction[0], RHO + t * direction[1], prior)
        for t in (-2 * h, -h, h, 2 * h)
    ]
    numeric = 0.3 * (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
    added = np.sum((np.stack([dloc, drho]) - [DLOC, DRHO]) * direction)
    assert added == pytest.approx(numeric, rel=1e-8)


def test_divergence_of_the_prior_from_itself(library, k):
    one, zero = np.ones(3), np.zeros(3)
    results = run(library, k.add_kl_normal_, zero, one, one, 0.0, 1.0, 5.0, zero, zero)
    for result in results:
        np.testing.assert_array_equal(result, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_divergence_at_zero_scale(library, k, dtype):
    scale, slope = np.array([0.0, 1.0]), np.array([0.0, 0.5])
    loc, ones = np.array([2.0, 2.0]), np.ones(2)
    with np.errstate(divide="ignore"):  # the generic body takes log(0), array by array
        kl, dloc, drho = run(
            library,
            k.add_kl_normal_,
            *(loc, scale, slope, 0.0, 2.0, 0.5, ones, ones),
            dtype=dtype,
        )
    assert kl == math.inf
    np.testing.assert_allclose(dloc, [1.25, 1.25], rtol=EPS[dtype])
    np.testing.assert_allclose(drho, [0.5, 0.8125], rtol=EPS[dtype])


# ---- passes over the outputs --------------------------------------------------------


def test_local_noise_and_its_backward(library, k):
    mean, eps, dy = random(0, 3, 4, 5)
    variance, direction = np.exp(random(1, 2, 4, 5))
    y, s = run(library, k.local_noise, mean, variance, eps)
    np.testing.assert_allclose(y, mean + np.sqrt(variance) * eps, rtol=1e-14)
    np.testing.assert_allclose(s**2, variance, rtol=1e-14)
    dvariance = run(library, k.local_noise_backward, s, eps, dy)
    h = 1e-5
    ends = [
        np.sum(dy * run(library, k.local_noise, mean, variance + t * direction, eps)[0])
        for t in (h, -h)
    ]
    numeric = (ends[0] - ends[1]) / (2 * h)
    assert np.sum(dvariance * direction) == pytest.approx(numeric, rel=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_local_noise_at_zero_variance(library, k, dtype):
    mean, variance, eps = np.ones(3), np.array([0.0, 4.0, 0.0]), np.array([3.0, 1, 0])
    y, s = run(library, k.local_noise, mean, variance, eps, dtype=dtype)
    np.testing.assert_array_equal(y, [1, 3, 1])
    dvariance = run(library, k.local_noise_backward, s, eps, 2 * mean, dtype=dtype)
    np.testing.assert_array_equal(dvariance, [0, 0.5, 0])


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (5, 1), (2, 70)])
def test_log_softmax(library, k, shape):
    logits = 5 * random(0, *shape)
    actual = run(library, k.log_softmax, logits)
    weights = np.exp(logits)
    exact = np.log(weights / np.sum(weights, axis=-1, keepdims=True))
    np.testing.assert_allclose(actual, exact, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_softmax_of_extreme_logits(library, k, dtype):
    logits = np.array([[1e4, 0, -1e4], [-1e30, -1e30, 0], [1e30, 1e30, -1e30]])
    actual = run(library, k.log_softmax, logits, dtype=dtype)
    half = -math.log(2)
    exact = np.array([[0, -1e4, -2e4], [-1e30, -1e30, 0], [half, half, -2e30]])
    np.testing.assert_allclose(actual, exact, rtol=4 * EPS[dtype])


# ---- corners and messages -----------------------------------------------------------

EMPTY = np.zeros((0, 3))
ADAM = {"rate": 1, "beta1": 0, "beta2": 0, "eps": 1, "decay": 0, "step": 1}
SGD = {"rate": 1, "momentum": 0, "nesterov": False, "decay": 0}


@pytest.mark.parametrize(
    ("name", "count", "options"),
    [
        ("softplus", 1, {}),
        ("add_product", 3, {}),
        ("local_noise", 3, {}),
        ("local_noise_backward", 3, {}),
        ("log_softmax", 1, {}),
        ("adam_", 4, ADAM),
        ("sgd_", 3, SGD),
    ],
)
def test_empty_batch(library, k, name, count, options):
    results = run(library, getattr(k, name), *[EMPTY] * count, **options)
    assert all(result.shape == (0, 3) for result in _tuple(results))


def test_divergence_of_nothing(library, k):
    kl, dloc, drho = run(
        library, k.add_kl_normal_, *[EMPTY] * 3, 0.0, 1.0, 1.0, EMPTY, EMPTY
    )
    assert kl == 0
    assert dloc.shape == drho.shape == (0, 3)


@pytest.mark.parametrize("draw", ["uniform", "normal", "signs"])
def test_kernels_without_a_generator_say_so(draw):
    message = "Kernels(numpy) cannot draw from Generator. Draw from a key: "
    source = native(np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match=f"^{re.escape(message)}"):
        getattr(Kernels(np), draw)(source, (2,), np.zeros(1))
    assert getattr(Kernels(np), draw)(key(0), (2,), np.zeros(1)).shape == (2,)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_host_differentiates_softplus_right_at_zero(name):
    library = make_library(name)
    kernels = kernels_for(library.asarray([0.0]))
    if name == "torch":
        import torch

        x = torch.zeros((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(kernels.softplus(x)[0], x)
    else:
        import jax

        slope = jax.grad(lambda x: kernels.softplus(x)[0])(library.asarray(0.0))
    assert float(slope) == 0.5
