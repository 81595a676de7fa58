"""Prediction: against the closed form, brute force, and itself in batches."""

import numpy as np
import pytest
from scipy import stats
from support.libraries import assert_same, make_library

import varlayers as vl

LIKELIHOODS = {
    "normal": (vl.Normal(scale=0.5), 2, np.zeros((5, 2))),
    "learned": (vl.NormalLearnedScale(), 2, np.zeros((5, 2))),
    "heteroscedastic": (vl.HeteroscedasticNormal(), 4, np.zeros((5, 2))),
    "poisson": (vl.Poisson(), 2, np.ones((5, 2))),
    "categorical": (vl.Categorical(), 3, np.array([0, 1, 2, 0, 1])),
    "bernoulli": (vl.Bernoulli(), 2, np.zeros((5, 2))),
}


def problem(likelihood, channels, estimator="flipout"):
    layer = vl.Dense(
        3,
        channels,
        estimator=estimator,
        bias="normal",
        posterior=vl.MeanFieldNormal(initial_scale=1.0),
    )
    elbo = vl.ELBO(layer, likelihood, num_data=10)
    x = np.random.default_rng(0).standard_normal((5, 3))
    return elbo, elbo.init(vl.key(0), like=x), x


def test_a_linear_model_has_the_closed_form_moments():
    """Mean x loc, epistemic variance x² scale² + scale_b², aleatoric scale²."""
    elbo, params, x = problem(vl.Normal(scale=0.5), 2)
    weights = params["model"]
    scale = np.logaddexp(0, weights["kernel"]["rho"]) + 1e-5
    scale_b = np.logaddexp(0, weights["bias"]["rho"]) + 1e-5
    variance = x**2 @ scale**2 + scale_b**2
    count = 4000
    prediction = vl.predict(elbo, params, x, key=vl.key(1), num_samples=count)
    error = 5 * np.sqrt(variance / count)  # five standard errors
    assert np.all(np.abs(prediction.mean - x @ weights["kernel"]["loc"]) < error)
    assert prediction.epistemic == pytest.approx(variance, rel=5 * np.sqrt(2 / count))
    assert prediction.aleatoric == pytest.approx(np.full((5, 2), 0.25))
    total = prediction.aleatoric + prediction.epistemic
    np.testing.assert_allclose(prediction.variance, total)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_streaming_equals_the_formulas_over_stored_samples(name):
    likelihood, channels, _ = LIKELIHOODS[name]
    elbo, params, x = problem(likelihood, channels)
    prediction = vl.predict(elbo, params, x, key=vl.key(1), num_samples=7)
    outputs = vl.posterior_outputs(
        elbo, params, x, key=vl.fold_in(vl.key(1), 0), num_samples=7
    )
    own = params.get("likelihood", {})
    pairs = [(likelihood.mean(own, y), likelihood.variance(own, y)) for y in outputs]
    means, variances = (np.stack(part) for part in zip(*pairs, strict=True))
    np.testing.assert_allclose(prediction.mean, means.mean(0), rtol=1e-12)
    np.testing.assert_allclose(prediction.aleatoric, variances.mean(0), rtol=1e-12)
    np.testing.assert_allclose(prediction.epistemic, means.var(0), rtol=1e-9)
    if name == "categorical":
        entropies = stats.entropy(means, axis=-1)
        total = stats.entropy(means.mean(0), axis=-1)
        information = total - entropies.mean(0)
        np.testing.assert_allclose(prediction.entropy, total)
        np.testing.assert_allclose(prediction.expected_entropy, entropies.mean(0))
        np.testing.assert_allclose(prediction.mutual_information, information)
    elif name != "bernoulli":
        assert prediction.mutual_information is None


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_log_predictive_density_is_the_log_of_the_mean_density(name):
    likelihood, channels, targets = LIKELIHOODS[name]
    elbo, params, x = problem(likelihood, channels)
    settings = {"key": vl.key(2), "num_samples": 6}
    density = vl.log_predictive_density(elbo, params, x, targets, **settings)
    outputs = vl.posterior_outputs(elbo, params, x, **settings)
    own = params.get("likelihood", {})
    scores = np.stack([-likelihood.nll(own, y, targets) for y in outputs])
    np.testing.assert_allclose(density, np.log(np.exp(scores).mean(0)))


def test_log_predictive_density_does_not_underflow():
    elbo, params, x = problem(vl.Normal(scale=1e-3), 2)
    far = np.full((5, 2), 1e3)
    density = vl.log_predictive_density(
        elbo, params, x, far, key=vl.key(0), num_samples=4
    )
    assert np.all(np.isfinite(density))
    assert np.all(density < -1e9)


def test_intervals_hold_what_they_promise():
    elbo, params, x = problem(vl.Normal(scale=0.5), 2)
    prediction = vl.predict(elbo, params, x, key=vl.key(1), num_samples=4000, level=0.9)
    for interval, variance in (
        (prediction.credible_interval, prediction.epistemic),
        (prediction.predictive_interval, prediction.variance),
    ):
        lower, upper = interval
        width = 2 * stats.norm.ppf(0.95) * np.sqrt(variance)
        assert upper - lower == pytest.approx(width, rel=0.1)


def test_interval_ends_are_numpy_quantiles():
    from varlayers.prediction import _interval

    draws = np.random.default_rng(0).standard_normal((11, 4))
    lower, upper = _interval(vl.kernels_for(draws), draws, 0.8)
    np.testing.assert_allclose(lower, np.quantile(draws, 0.1, axis=0))
    np.testing.assert_allclose(upper, np.quantile(draws, 0.9, axis=0))


def test_classes_have_credible_but_no_predictive_intervals():
    elbo, params, x = problem(vl.Categorical(), 3)
    prediction = vl.predict(elbo, params, x, key=vl.key(1), level=0.5)
    lower, upper = prediction.credible_interval
    assert np.all((lower >= 0) & (lower <= upper) & (upper <= 1))
    assert prediction.predictive_interval is None


def test_mean_weights_use_the_posterior_mean_and_nothing_is_epistemic():
    elbo, params, x = problem(vl.Normal(scale=0.5), 2)
    prediction = vl.predict(elbo, params, x, key=vl.key(1), mean_weights=True)
    loc = params["model"]["kernel"]["loc"]
    np.testing.assert_allclose(prediction.mean, x @ loc)
    np.testing.assert_array_equal(prediction.epistemic, np.zeros((5, 2)))


def test_batches_are_joined_in_order():
    elbo, params, x = problem(vl.Categorical(), 3)
    settings = {"key": vl.key(1), "num_samples": 3, "level": 0.5}
    prediction = vl.predict(elbo, params, x, batch_size=2, **settings)
    assert prediction.mean.shape == (5, 3)
    assert prediction.mutual_information.shape == (5,)
    last = vl.predict(
        elbo, params, x[4:], key=vl.fold_in(vl.key(1), 4), num_samples=3, level=0.5
    )
    np.testing.assert_array_equal(prediction.mean[4:], last.mean)
    for whole, part in zip(
        prediction.credible_interval, last.credible_interval, strict=True
    ):
        np.testing.assert_array_equal(whole[4:], part)


@pytest.mark.parametrize("name", ["strict", "strict-device1", "torch", "jax"])
@pytest.mark.parametrize("kind", ["heteroscedastic", "categorical"])
def test_every_library_predicts_the_same(name, kind):
    library = make_library(name)
    likelihood, channels, _ = LIKELIHOODS[kind]
    elbo, params, x = problem(likelihood, channels)
    settings = {"key": vl.key(1), "num_samples": 4, "level": 0.8}
    desired = vl.predict(elbo, params, x, **settings)
    params, x = library.tree(params), library.asarray(x)
    assert_same(library, vl.predict(elbo, params, x, **settings), desired, 1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"num_samples": 0}, ValueError, "predict expected `num_samples` >= 1, got 0"),
        ({"level": 1.0}, ValueError, "expected 0 < `level` < 1, got 1.0"),
        ({"batch_size": 0}, ValueError, "expected `batch_size` >= 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "expected an integer `batch_size`, got 2.5"),
    ],
)
def test_bad_arguments(change, error, message):
    elbo, params, x = problem(vl.Normal(), 2)
    with pytest.raises(error, match=message):
        vl.predict(elbo, params, x, key=vl.key(0), **change)
