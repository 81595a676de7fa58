"""What holds for every posterior of the registry."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same
from support.moments import assert_mean
from support.problems import compiled, scatter

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.posteriors import (
    POSTERIORS,
    LowRankNormal,
    MeanFieldNormal,
    MeanOf,
    MultiplicativeNormal,
    Rank1Normal,
)
from varlayers.random import key

SHAPE = (3, 2)
EVERY = POSTERIORS | {
    "normal, no shift": MeanFieldNormal(shift=0.0),
    "normal, wide shift": MeanFieldNormal(shift=0.3, initial_scale=2.0),
    "mean of normal": MeanOf(MeanFieldNormal()),
    "mean of rank-1 normal": MeanOf(Rank1Normal()),
    "multiplicative normal, channel": MultiplicativeNormal(share="channel"),
    "multiplicative normal, layer": MultiplicativeNormal(share="layer"),
    "low-rank normal of rank 1": LowRankNormal(rank=1),
    "low-rank normal, wide shift": LowRankNormal(shift=0.3, initial_scale=2.0),
}
RANDOM = {name: p for name, p in EVERY.items() if not p.deterministic}

# What is made of q and noise, and the method that goes back from it.
FORWARD = {
    "sample": lambda p, k, q, eps: (p.sample(k, q, eps),),
    "moments": lambda p, k, q, _: p.moments(k, q),
    "perturb": lambda p, k, q, eps: p.perturb(k, q, eps),
    "entropy": lambda p, k, q, _: (p.entropy(k, q)[0],),
    "log_density_at": lambda p, k, q, eps: (p.log_density_at(k, q, eps)[0],),
}
BACKWARD = {
    "sample": lambda p, k, q, eps, up: p.sample_backward(k, q, eps, up[0]),
    "moments": lambda p, k, q, _, up: p.moments_backward(k, q, *up),
    "perturb": lambda p, k, q, eps, up: p.perturb_backward(k, q, eps, *up),
    "entropy": lambda p, k, q, *_: p.entropy(k, q)[1],
    "log_density_at": lambda p, k, q, eps, _: p.log_density_at(k, q, eps)[1],
}
FLAGS = {
    "perturb": "symmetric",
    "entropy": "has_density",
    "log_density_at": "has_density",
}

every_posterior = pytest.mark.parametrize("posterior", EVERY.values(), ids=EVERY)
random_posterior = pytest.mark.parametrize("posterior", RANDOM.values(), ids=RANDOM)
every_route = pytest.mark.parametrize(
    ("posterior", "route"),
    [
        pytest.param(posterior, route, id=f"{name}-{route}")
        for name, posterior in RANDOM.items()
        for route in FORWARD
        if getattr(posterior, FLAGS.get(route, "sample"))
    ],
)


def arguments(posterior, shape=SHAPE):
    """Return parameters away from their start, noise, and gradients from above."""
    like, rng = np.zeros(shape), np.random.default_rng(3)
    params = scatter(posterior.init(kernels_for(like), key(0), like, fan_in=3), rng)
    up = tuple(rng.normal(size=(2, *shape)))
    if posterior.deterministic:
        return params, None, up
    return params, rng.normal(size=posterior.noise_shape(shape)), up


def upstream(route, up):
    """Return the gradients by what a route gives: of a scalar, 1."""
    return (1.0,) if FLAGS.get(route) == "has_density" else up


def value(posterior, route, params, eps, up):
    k = kernels_for(params["loc"])
    parts = FORWARD[route](posterior, k, posterior.constrain(k, params), eps)
    given = zip(parts, upstream(route, up), strict=False)
    return sum(k.xp.sum(part * u) for part, u in given)


def gradient(posterior, route, params, eps, up):
    k = kernels_for(params["loc"])
    return BACKWARD[route](posterior, k, posterior.constrain(k, params), eps, up)


@every_route
def test_gradient_in_a_random_direction(posterior, route):
    params, eps, up = arguments(posterior)
    assert_directional(
        lambda p: value(posterior, route, p, eps, up),
        params,
        gradient(posterior, route, params, eps, up),
    )


@pytest.mark.parametrize("engine", AUTODIFF)
@every_route
def test_gradient_equals_that_of_autodiff(posterior, route, engine):
    params, *rest = arguments(posterior)

    def on_engine(library, p):
        moved = library.asarray(rest[0]), tuple(map(library.asarray, rest[1]))
        return value(posterior, route, p, *moved)

    desired = autodiff(engine, on_engine, params, jit=True)
    assert_equal_trees(gradient(posterior, route, params, *rest), desired)


@every_posterior
def test_gradient_by_the_mean(posterior):
    params, _, up = arguments(posterior)
    k = kernels_for(up[0])
    assert_directional(
        lambda p: (posterior.mean(k, p) * up[0]).sum(),
        params,
        posterior.mean_backward(k, up[0]),
    )


@every_route
def test_same_numbers_on_every_library(library, posterior, route):
    params, eps, up = arguments(posterior)
    moved = library.tree(params), library.asarray(eps), tuple(map(library.asarray, up))
    run = compiled(library, lambda *given: gradient(posterior, route, *given))
    actual = run(*moved)
    assert_same(library, actual, gradient(posterior, route, params, eps, up), 1e-12)


@every_posterior
def test_starts_at_the_same_place_on_every_library(library, posterior):
    loc = np.random.default_rng(0).normal(size=SHAPE)
    on_numpy, on_library = (
        posterior.init(kernels_for(like), key(0), like, fan_in=5)
        for like in (loc, library.asarray(loc))
    )
    assert_same(library, on_library, on_numpy, 1e-12)
    k = kernels_for(library.asarray(loc))
    assert_same(library, posterior.mean(k, on_library), loc, 0)
    assert len(posterior.constrain(k, on_library)) == posterior.size


@pytest.mark.parametrize("shape", [(3, 2), (2,), (2, 2, 1, 3), (1, 1)])
@every_posterior
def test_parameters_and_gradients_have_the_shapes_it_says(posterior, shape):
    params, eps, up = arguments(posterior, shape)
    k, shapes = kernels_for(up[0]), posterior.shapes(shape)
    assert shapes["loc"] == shape
    trees = [params, posterior.mean_backward(k, up[0])]
    if not posterior.deterministic:
        trees += [
            BACKWARD[route](posterior, k, posterior.constrain(k, params), eps, up)
            for route in FORWARD
            if getattr(posterior, FLAGS.get(route, "sample"))
        ]
    for tree in trees:
        assert {name: array.shape for name, array in tree.items()} == shapes


@random_posterior
def test_has_the_methods_of_its_flags_and_no_others(posterior):
    assert hasattr(posterior, "perturb") == posterior.symmetric
    assert hasattr(posterior, "perturb_backward") == posterior.symmetric
    assert hasattr(posterior, "entropy") == posterior.has_density
    assert hasattr(posterior, "log_density_at") == posterior.has_density


@random_posterior
def test_draws_noise_of_the_shape_it_says(library, posterior):
    like, shape = library.asarray(np.zeros(SHAPE)), posterior.noise_shape(SHAPE)
    eps = posterior.draw(kernels_for(like), key(5), shape, like)
    assert tuple(eps.shape) == shape
    host = posterior.draw(kernels_for(np.zeros(1)), key(5), shape, np.zeros(1))
    assert_same(library, eps, host, 1e-12)


@random_posterior
def test_views_agree(posterior):
    """A sample is mean plus perturbation; moments have the mean."""
    params, eps, up = arguments(posterior)
    k = kernels_for(up[0])
    q = posterior.constrain(k, params)
    mean = posterior.mean(k, params)
    np.testing.assert_allclose(posterior.moments(k, q)[0], mean, rtol=1e-13)
    if posterior.symmetric:
        centre, delta = posterior.perturb(k, q, eps)
        np.testing.assert_allclose(centre, mean, rtol=1e-13)
        sample = posterior.sample(k, q, eps)
        np.testing.assert_allclose(sample, mean + delta, rtol=1e-13)


def draws(posterior, count, rho=0.0):
    """Return q, with rho that much larger, and `count` samples, along axis 0."""
    params, _, _ = arguments(posterior)
    k = kernels_for(params["loc"])
    raised = {n: array + rho * n.endswith("rho") for n, array in params.items()}
    q = posterior.constrain(k, raised)
    noise = posterior.draw(k, key(7), (count, *posterior.noise_shape(SHAPE)), q[0])
    return q, np.array([posterior.sample(k, q, eps) for eps in noise])


@random_posterior
def test_samples_have_the_moments(posterior):
    q, samples = draws(posterior, 4000)
    mean, variance = posterior.moments(kernels_for(q[0]), q)
    assert_mean(samples, mean)
    assert_mean((samples - mean) ** 2, variance)


@random_posterior
def test_normal_elements_have_the_fourth_moment_of_a_normal(posterior):
    """Three squared variances; those of the others have not."""
    q, samples = draws(posterior, 10_000, rho=1.5)
    _, variance = posterior.moments(kernels_for(q[0]), q)
    fourth = (samples - q[0]) ** 4 / variance**2
    if posterior.normal_elements:
        assert_mean(fourth, np.full(SHAPE, 3.0))
    else:
        with pytest.raises(AssertionError):
            assert_mean(fourth, np.full(SHAPE, 3.0))


@random_posterior
def test_symmetric_is_what_keeps_the_covariance_under_signs(posterior):
    """Flags are no mere claims: with correlated elements they would be false."""
    q, samples = draws(posterior, 4000)
    flat = np.reshape(samples - q[0], (len(samples), -1))
    products = flat[:, :, None] * flat[:, None, :]
    off = ~np.eye(flat.shape[1], dtype=bool)
    if posterior.symmetric:
        assert_mean(products[:, off], np.zeros(off.sum()))
    else:
        with pytest.raises(AssertionError):
            assert_mean(products[:, off], np.zeros(off.sum()))


@every_route
def test_size_one(posterior, route):
    params, eps, up = arguments(posterior, (1, 1))
    assert_directional(
        lambda p: value(posterior, route, p, eps, up),
        params,
        gradient(posterior, route, params, eps, up),
    )


@pytest.mark.parametrize("rho", [-1e3, 1e3])
@every_route
def test_extreme_scales_are_finite(library, posterior, route, rho):
    """Save the density of a scale of 0: it is infinite, its gradient is not."""
    params, eps, up = arguments(posterior)
    params = {
        name: np.full_like(array, rho) if name.endswith("rho") else array
        for name, array in params.items()
    }
    moved = library.tree(params), library.asarray(eps), tuple(map(library.asarray, up))
    run = compiled(
        library,
        lambda *given: [of(posterior, route, *given) for of in (value, gradient)],
    )
    total, grads = run(*moved)
    for array in grads.values():
        assert np.all(np.isfinite(library.to_numpy(array)))
    total = float(total)
    assert not np.isnan(total)
    assert np.isfinite(total) or (rho < 0 and FLAGS.get(route) == "has_density")


@random_posterior
def test_at_scale_zero_a_sample_is_the_mean(posterior):
    least = replace(posterior, shift=1e-300)
    params, eps, _ = arguments(posterior)
    silent = {
        name: array if name == "loc" else np.full_like(array, -1e3 * ("rho" in name))
        for name, array in params.items()
    }
    k = kernels_for(eps)
    q = least.constrain(k, silent)
    np.testing.assert_array_equal(least.sample(k, q, eps), params["loc"])
    np.testing.assert_allclose(least.moments(k, q)[1], 0, atol=1e-300)


# ---- the density -------------------------------------------------------------------


def jacobian(posterior, params, shape):
    """Return ∂w/∂ε by differences; exact where w is linear in ε."""
    k = kernels_for(params["loc"])
    q, zero = posterior.constrain(k, params), np.zeros(posterior.noise_shape(shape))
    flat = np.eye(zero.size).reshape(-1, *zero.shape)
    columns = [posterior.sample(k, q, one) - params["loc"] for one in flat]
    return np.array([np.ravel(column) for column in columns]).T


NORMAL = {
    name: posterior
    for name, posterior in RANDOM.items()
    if posterior.has_density and posterior.normal_elements
}


@pytest.mark.parametrize("shape", [SHAPE, (2, 1, 3), (3,), (1,)])
@pytest.mark.parametrize("posterior", NORMAL.values(), ids=NORMAL)
def test_density_and_entropy_are_those_of_scipy(posterior, shape):
    params, eps, _ = arguments(posterior, shape)
    k = kernels_for(eps)
    q = posterior.constrain(k, params)
    linear = jacobian(posterior, params, shape)
    desired = multivariate_normal(np.ravel(params["loc"]), linear @ linear.T)
    sample = np.ravel(posterior.sample(k, q, eps))
    density, _ = posterior.log_density_at(k, q, eps)
    assert density == pytest.approx(desired.logpdf(sample), rel=1e-10)
    assert posterior.entropy(k, q)[0] == pytest.approx(desired.entropy(), rel=1e-10)
    _, variance = posterior.moments(k, q)
    np.testing.assert_allclose(np.ravel(variance), np.diag(desired.cov), rtol=1e-12)


# ---- in a layer --------------------------------------------------------------------


def layer_with(posterior):
    return vl.Dense(*SHAPE, estimator="reparameterization", posterior=posterior)


@random_posterior
def test_weights_of_a_layer_are_mean_and_standard_deviation(posterior):
    layer, (params, _, _) = layer_with(posterior), arguments(posterior)
    found = layer.weights({"kernel": params, "bias": {"loc": np.zeros(2)}})["kernel"]
    k = kernels_for(params["loc"])
    mean, variance = posterior.moments(k, posterior.constrain(k, params))
    np.testing.assert_array_equal(found["loc"], mean)
    np.testing.assert_allclose(found["scale"] ** 2, variance, rtol=1e-12)


@random_posterior
def test_layer_at_its_mean_has_no_noise(posterior):
    layer, x = layer_with(posterior), np.random.default_rng(2).normal(size=(4, 3))
    params = layer.init(key(0), x)
    y, _ = layer.at_mean().forward(params, x, {})
    np.testing.assert_allclose(y, x @ params["kernel"]["loc"], rtol=1e-13)


@random_posterior
def test_summary_counts_every_parameter(posterior):
    layer = layer_with(posterior)
    params = layer.init(key(0))
    count = sum(math.prod(shape) for shape in posterior.shapes(SHAPE).values()) + 2
    (_, _, row, *_) = vl.summarize(layer, params).splitlines()
    assert re.search(rf"\b{count}\b", row), row
    assert re.search(r"\d\.\d\d$", row), row


@every_posterior
def test_layer_comes_back_from_a_file(posterior, tmp_path):
    pytest.importorskip("safetensors")
    layer, path = layer_with(posterior), tmp_path / "model.safetensors"
    params = layer.init(key(0))
    vl.save(path, layer, params)
    found, loaded = vl.load(path)
    assert found == layer
    assert_equal_trees(loaded, params, 0)


@pytest.mark.parametrize("posterior", sorted(set(POSTERIORS) - {"point"}))
def test_start_has_the_noise_of_a_mean_field_normal(posterior):
    """To a factor of 2, on an ordinary layer."""
    layer = vl.Dense(200, 8, estimator="reparameterization", posterior=posterior)
    mean_field = vl.Dense(200, 8)
    noise, usual = (
        np.mean(one.weights(one.init(key(0)))["kernel"]["scale"] ** 2) ** 0.5
        for one in (layer, mean_field)
    )
    assert 0.5 < noise / usual < 2
