"""What functions stand for: those of TFP's documents, and what they must not be."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfl
from varlayers.compat.tfl.functions import (
    RandomNormal,
    ScaledKL,
    Weight,
    divergence_of,
    posterior_of,
    prior_of,
)
from varlayers.dispatch import kernels_for
from varlayers.divergences import MonteCarlo

WEIGHT = Weight("float32", None, "kernel", True)


def my_divergence(k, pair, weight, dparams):
    return 0.0, dparams, {}


def test_default_posterior_has_the_constants_of_tfp():
    choice = posterior_of("Layer", "fn", tfl.default_mean_field_normal_fn(), WEIGHT)
    assert choice.posterior == vl.MeanFieldNormal(shift=float(np.finfo("float32").eps))
    assert choice.loc == RandomNormal(0.0, 0.1)
    assert choice.raw_scale == RandomNormal(-3.0, 0.1)
    point = tfl.default_mean_field_normal_fn(is_singular=True)
    choice = posterior_of("Layer", "fn", point, WEIGHT)
    assert (choice.posterior, choice.raw_scale) == (vl.Point(), None)


def test_least_scale_is_that_of_the_dtype():
    fn = tfl.default_mean_field_normal_fn()
    choice = posterior_of("Layer", "fn", fn, WEIGHT._replace(dtype="float64"))
    assert choice.posterior.shift == 2.0**-52


def test_random_normal_draws_its_moments():
    x = np.zeros(0)
    draw = RandomNormal(-3.0, 0.1)
    values = draw(kernels_for(x), vl.key(0), (100_000,), x, (1, 1))
    assert abs(np.mean(values) + 3) < 2e-3
    assert abs(np.std(values) - 0.1) < 2e-3
    assert RandomNormal() == RandomNormal(0.0, 0.05)


def test_posterior_by_name_object_and_function():
    def radial(dtype, shape, name, trainable, add_variable_fn):
        assert (dtype, shape, name, trainable) == WEIGHT
        return vl.Radial()

    for value in ("radial", vl.Radial(), radial):
        assert posterior_of("Layer", "fn", value, WEIGHT).posterior == vl.Radial()
    assert posterior_of("Layer", "fn", None, WEIGHT) is None


def test_prior_by_name_object_and_function():
    fixed = tfl.default_multivariate_normal_fn
    assert prior_of("Layer", "fn", fixed, WEIGHT) == vl.NormalPrior()
    for value in ("laplace", vl.LaplacePrior(), lambda *_: vl.LaplacePrior()):
        assert prior_of("Layer", "fn", value, WEIGHT) == vl.LaplacePrior()
    assert prior_of("Layer", "fn", None, WEIGHT) is None


@pytest.mark.parametrize("kind", [posterior_of, prior_of])
@pytest.mark.parametrize("value", [lambda *_: 3.0, 3.0])
def test_what_is_no_distribution_of_ours_is_refused(kind, value):
    with pytest.raises(TypeError, match=r"Layer expected `fn` to be a p.*got 3\.0"):
        kind("Layer", "fn", value, WEIGHT)


def test_trained_default_as_a_prior_is_refused():
    fn = tfl.default_mean_field_normal_fn()
    with pytest.raises(TypeError, match="would be trained with the posterior"):
        prior_of("Layer", "fn", fn, WEIGHT)


def test_regularizers_and_constraints_are_refused():
    with pytest.raises(TypeError, match=r"expected no \['loc_regularizer'\]"):
        tfl.default_mean_field_normal_fn(loc_regularizer=abs, loc_constraint=None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (lambda q, p, _: tfl.kl_divergence(q, p) / 200, ScaledKL(1 / 200)),
        (lambda q, p, _: 0.5 * tfl.kl_divergence(q, p) * 4.0, ScaledKL(2.0)),
        ("monte carlo", ScaledKL(1.0, "monte carlo")),
        (MonteCarlo(3), ScaledKL(1.0, MonteCarlo(3))),
        (my_divergence, ScaledKL(1.0, my_divergence)),
        (ScaledKL(0.1), ScaledKL(0.1)),
    ],
)
def test_divergences(value, expected):
    assert divergence_of("Layer", "fn", value) == expected


@pytest.mark.parametrize("value", [3.0, lambda _q, _p, _: 3.0, abs])
def test_divergence_without_gradient_is_refused(value):
    with pytest.raises(TypeError, match="Layer expected `fn` with its gradient"):
        divergence_of("Layer", "fn", value)
