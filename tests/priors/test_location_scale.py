import numpy as np
import pytest
from support.priors import DENSITIES, SHAPE

from varlayers.dispatch import kernels_for
from varlayers.priors import LaplacePrior, NormalPrior, StudentTPrior

W = np.random.default_rng(0).normal(size=SHAPE)
K = kernels_for(W)


@pytest.mark.parametrize("kind", [NormalPrior, LaplacePrior, StudentTPrior])
def test_loc_moves_and_scale_stretches_the_density(kind):
    loc, scale = np.array([0.3, -1.0]), np.array([[0.5], [1.0], [2.0]])
    moved = kind(loc, scale).log_density(K, {}, W, 1)[0]
    standard = kind().log_density(K, {}, (W - loc) / scale, 1)[0]
    np.testing.assert_allclose(moved, standard - np.log(scale), rtol=1e-13)


@pytest.mark.parametrize("prior", DENSITIES.values(), ids=DENSITIES)
def test_the_gradient_of_a_shared_parameter_is_the_sum(prior):
    """One scale for all learns what a scale for each learns, together."""
    settings = {"trainable": ("loc", "scale")}
    one = type(prior)(0.2, 1.5, **settings)
    each = type(prior)(np.full(SHAPE, 0.2), np.full(SHAPE, 1.5), **settings)
    column = type(prior)(np.full((3, 1), 0.2), np.full((3, 1), 1.5), **settings)
    grads = [p.log_prob(K, p.init(K, W), W, 1)[2] for p in (one, each, column)]
    for name in ("loc", "log_scale"):
        shared, full, by_row = (g[name] for g in grads)
        assert shared.shape == ()
        np.testing.assert_allclose(shared, full.sum(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            by_row, full.sum(1, keepdims=True), rtol=1e-12, atol=1e-12
        )


def test_only_what_is_trainable_is_a_parameter():
    assert NormalPrior().shapes == {}
    assert NormalPrior(trainable=("scale",)).shapes == {"log_scale": ()}
    both = NormalPrior(np.zeros(2), trainable=["scale", "loc"])
    assert both.shapes == {"loc": (2,), "log_scale": ()}
    assert both.trainable == ("loc", "scale")


def test_learned_values_replace_the_first_ones():
    prior = NormalPrior(5.0, 7.0, width_scaled=True, trainable=("loc", "scale"))
    params = {"loc": np.array(0.5), "log_scale": np.log(np.array(3.0))}
    loc, scale = prior.loc_and_scale(K, params, W, 4)
    assert (loc, scale) == pytest.approx((0.5, 1.5))


def test_families_say_what_else_they_learn():
    message = (
        r"StudentTPrior expected `trainable` with some of \['loc', 'scale', 'df'\], "
        r"got \('scales',\)\."
    )
    with pytest.raises(ValueError, match=message):
        StudentTPrior(trainable=("scales",))
    assert list(StudentTPrior(trainable=("df", "loc")).shapes) == ["loc", "log_df"]


@pytest.mark.parametrize("named", ["scale", ("scale", "df"), ("log_scale",)])
def test_refuses_to_train_something_else(named):
    message = (
        r"NormalPrior expected `trainable` with some of \['loc', 'scale'\], got .*"
        r" Write \('scale',\) for one\."
    )
    with pytest.raises(ValueError, match=message):
        NormalPrior(trainable=named)
