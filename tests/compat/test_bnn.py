"""`HiddenLayer` against its definitions with explicit noise, and against autodiff."""

import inspect

import numpy as np
import pytest
from scipy.stats import norm
from support.gradients import (
    AUTODIFF,
    assert_directional,
    assert_equal_trees,
    autodiff,
)
from support.moments import assert_mean

import varlayers as vl
from varlayers.compat.bnn import HiddenLayer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
MEAN, SCALE = RNG.normal(size=(3, 4)), np.exp(RNG.normal(size=(3, 4)) - 1)
PRIOR = np.array([[0.5], [1.0], [2.0]])
LOCAL, WEIGHTS = RNG.normal(size=(2, 5, 4)), RNG.normal(size=(2, 3, 4))
MODES = [(False, LOCAL), (True, WEIGHTS)]


def by_definition(x, mean, scale, eps, *, weight_space):
    """Return the pre-activations, typed from the definitions."""
    if weight_space:
        return np.stack([x @ (mean + scale * e) for e in eps])
    return x @ mean + np.sqrt(x**2 @ scale**2) * eps


def test_the_defaults_are_those_of_pyro():
    parameters = inspect.signature(HiddenLayer).parameters
    defaults = {name: p.default for name, p in list(parameters.items())[3:]}
    assert list(parameters)[:3] == ["X", "A_mean", "A_scale"]
    assert defaults == {
        "non_linearity": "relu",
        "KL_factor": 1.0,
        "A_prior_scale": 1.0,
        "include_hidden_bias": True,
        "weight_space_sampling": False,
        "key": None,
    }


@pytest.mark.parametrize(("weight_space", "eps"), MODES)
def test_samples_are_those_of_the_definition(library, weight_space, eps):
    layer = HiddenLayer(
        *map(library.asarray, (X, MEAN, SCALE)), weight_space_sampling=weight_space
    )
    y = library.to_numpy(layer.rsample((2,), eps=library.asarray(eps)))
    a = by_definition(X, MEAN, SCALE, eps, weight_space=weight_space)
    np.testing.assert_allclose(y[..., :4], np.maximum(a, 0), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(y[..., 4], 1.0)
    assert y.shape == layer.shape((2,)) == (2, 5, 5)


@pytest.mark.parametrize(("weight_space", "eps"), MODES)
def test_without_the_column_of_ones_and_without_samples(weight_space, eps):
    settings = {"include_hidden_bias": False, "weight_space_sampling": weight_space}
    layer = HiddenLayer(X, MEAN, SCALE, "tanh", **settings)
    a = by_definition(X, MEAN, SCALE, eps[:1], weight_space=weight_space)[0]
    np.testing.assert_allclose(layer.rsample(eps=eps[0]), np.tanh(a), rtol=1e-12)
    assert layer.event_shape == (5, 4)
    assert layer.batch_shape == ()


@pytest.mark.parametrize("prior", [0.7, PRIOR])
def test_kl_and_log_prob(library, prior):
    given = prior if isinstance(prior, float) else library.asarray(prior)
    layer = HiddenLayer(
        *map(library.asarray, (X, MEAN, SCALE)), KL_factor=0.25, A_prior_scale=given
    )
    scale = np.broadcast_to(prior, SCALE.shape)
    entropy = norm.entropy(MEAN, SCALE).sum()
    cross = 0.5 * (MEAN**2 + SCALE**2) / scale**2 - norm.logpdf(0, scale=scale)
    expected = cross.sum() - entropy
    assert float(layer.KL) == pytest.approx(expected, rel=1e-12)
    assert float(layer.log_prob("whatever")) == pytest.approx(-0.25 * expected)


def test_kl_follows_the_arrays():
    mean = np.zeros((3, 4))
    layer = HiddenLayer(X, mean, np.ones((3, 4)))
    assert layer.KL == 0
    mean += 1
    assert float(layer.KL) == pytest.approx(6.0)


@pytest.mark.parametrize(("weight_space", "eps"), MODES)
@pytest.mark.parametrize("engine", AUTODIFF)
def test_gradients_are_those_of_autodiff(engine, weight_space, eps):
    dy = np.random.default_rng(1).normal(size=(2, 5, 5))
    point = {"X": X, "A_mean": MEAN, "A_scale": SCALE, "A_prior_scale": PRIOR}
    layer = HiddenLayer(
        *(X, MEAN, SCALE, "tanh", 0.3, PRIOR),
        weight_space_sampling=weight_space,
    )
    _, backward = layer.forward((2,), eps=eps)

    def value(library, point):
        xp, (noise, weights) = library.xp, map(library.asarray, (eps, dy))
        x, p = point["X"], point["A_prior_scale"]
        m, s = point["A_mean"], point["A_scale"]
        v = (xp.square(x) @ xp.square(s)) ** 0.5
        a = x @ (m + s * noise) if weight_space else x @ m + v * noise
        kl = 0.5 * xp.sum((m / p) ** 2 + (s / p) ** 2 - 1) - xp.sum(xp.log(s / p))
        return xp.sum(weights[..., :4] * xp.tanh(a)) + 0.7 * 0.3 * kl

    assert_equal_trees(
        backward(dy, dlog_prob=-0.7), autodiff(engine, value, point), 1e-12
    )


def test_gradients_in_a_random_direction():
    dy = np.random.default_rng(2).normal(size=(2, 5, 5))
    _, backward = HiddenLayer(X, MEAN, SCALE, "silu").forward((2,), eps=LOCAL)

    def value(point):
        layer = HiddenLayer(*point.values(), "silu")
        return np.sum(dy * layer.rsample((2,), eps=LOCAL)) - layer.log_prob()

    point = {"X": X, "A_mean": MEAN, "A_scale": SCALE}
    assert_directional(value, point, backward(dy, dlog_prob=-1))


def test_two_samples_before_one_backward():
    layer, dy = HiddenLayer(X, MEAN, SCALE), np.ones((1, 5, 5))
    _, first = layer.forward((1,), eps=LOCAL[:1])
    before = first(dy)
    layer.forward((1,), eps=LOCAL[1:])
    assert_equal_trees(first(dy), before, 0)


def test_zero_row_has_finite_gradients():
    x = X * np.array([[0.0], [1], [1], [1], [1]])
    _, backward = HiddenLayer(x, MEAN, SCALE).forward((2,), eps=LOCAL)
    grads = backward(np.ones((2, 5, 5)))
    assert all(np.all(np.isfinite(grad)) for grad in grads.values())
    assert set(grads) == {"X", "A_mean", "A_scale"}


def test_no_examples():
    layer = HiddenLayer(np.ones((0, 3)), MEAN, SCALE)
    y, backward = layer.forward((2,))
    assert y.shape == (2, 0, 5)
    assert np.all(backward(y)["A_mean"] == 0)


@pytest.mark.parametrize("weight_space", [False, True])
def test_moments_of_both_ways_of_sampling(weight_space):
    layer = HiddenLayer(
        *(X[:2], MEAN, SCALE, vl.activations.ACTIVATIONS["relu"]),
        weight_space_sampling=weight_space,
        key=3,
    )
    samples = layer.rsample((20_000,))[..., :4]
    m, s = X[:2] @ MEAN, np.sqrt(X[:2] ** 2 @ SCALE**2)
    mean = m * norm.cdf(m / s) + s * norm.pdf(m / s)
    square = (m**2 + s**2) * norm.cdf(m / s) + m * s * norm.pdf(m / s)
    assert_mean(samples, mean)
    assert_mean(samples**2, square)


def test_leading_axes_of_x(library):
    x = library.asarray(np.stack([X, -X]))
    for weight_space in (False, True):
        layer = HiddenLayer(
            *(x, library.asarray(MEAN), library.asarray(SCALE)),
            weight_space_sampling=weight_space,
            key=0,
        )
        y, backward = layer.forward((3, 2))
        assert tuple(y.shape) == (3, 2, 2, 5, 5)
        assert tuple(backward(y)["X"].shape) == (2, 5, 3)


def test_noise_is_new_each_call_and_repeats_with_the_key():
    one, other = (HiddenLayer(X, MEAN, SCALE, key=4) for _ in range(2))
    first = one.rsample()
    assert np.any(one.rsample() != first)
    np.testing.assert_array_equal(other.rsample(), first)
    again = (one.rsample(key=vl.key(1)), other.rsample(key=vl.key(1)))
    np.testing.assert_array_equal(*again)
    unseeded = (HiddenLayer(X, MEAN, SCALE) for _ in range(2))
    assert np.any(next(unseeded).rsample() != next(unseeded).rsample())


def test_names_of_a_distribution():
    layer = HiddenLayer(X, MEAN, SCALE, key=4)
    assert (layer.dim_X, layer.dim_H, layer.event_dim) == (3, 4, 2)
    assert layer.has_rsample
    assert not layer.has_enumerate_support
    for draw in (layer.sample, layer):
        same = layer.rsample((2,), key=vl.key(1))
        np.testing.assert_array_equal(draw((2,), key=vl.key(1)), same)


def test_repr():
    assert repr(HiddenLayer(X, MEAN, SCALE)) == "HiddenLayer(X: (5, 3), A: (3, 4))"


@pytest.mark.parametrize(
    ("non_linearity", "message"),
    [
        (np.tanh, r"HiddenLayer expected `non_linearity`.*got 'tanh'\. Pass its name"),
        (None, "HiddenLayer expected `non_linearity` with its derivative"),
    ],
)
def test_function_without_its_derivative_is_refused(non_linearity, message):
    with pytest.raises(TypeError, match=message):
        HiddenLayer(X, MEAN, SCALE, non_linearity)


def test_samples_of_no_sense_are_refused():
    layer = HiddenLayer(X, MEAN, SCALE)
    with pytest.raises(ValueError, match="HiddenLayer expected `sample_shape` >= 1"):
        layer.rsample((0,))
    with pytest.raises(TypeError, match=r"integer `sample_shape`, got 2\.0"):
        layer.rsample((2.0,))
    with pytest.raises(ValueError, match=r"`eps` of shape \(2, 5, 4\), got \(5, 4\)"):
        layer.rsample((2,), eps=LOCAL[0])
