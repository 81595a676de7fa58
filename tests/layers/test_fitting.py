import pytest

from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers import Convolution, Dense
from varlayers.layers.fitting import check_fit
from varlayers.posteriors import FullCovarianceNormal

FULL = FullCovarianceNormal(max_size=6)


@pytest.mark.parametrize(
    ("estimator", "needs"),
    [
        (Flipout(), "weights whose deviations from the mean may change their signs"),
        (LocalReparameterization(), "independent normal weights"),
        (LocalReparameterization("shared"), "independent normal weights"),
    ],
)
def test_refuses_a_posterior_that_the_estimator_cannot_take(estimator, needs):
    message = (
        r"^Dense expected a `posterior` that its estimator can take, got "
        rf"FullCovarianceNormal: {type(estimator).__name__} needs {needs}\. "
        r"Choose the estimator \"reparameterization\"\.$"
    )
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, estimator=estimator, posterior=FULL)


def test_refuses_a_bias_that_cannot_join_the_variance():
    message = (
        r"^Dense expected a `bias` of independent normals, to join the variance of "
        r"LocalReparameterization, got FullCovarianceNormal\. Choose the estimator "
        r"LocalReparameterization\(bias=\"shared\"\)\.$"
    )
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, estimator="local", bias=FULL)
    Dense(3, 2, estimator=LocalReparameterization(bias="shared"), bias=FULL)


@pytest.mark.parametrize(
    "layer",
    [
        lambda **given: Dense(3, 3, **given),
        lambda **given: Convolution(2, 2, 2, rank=1, padding="causal", **given),
    ],
)
def test_refuses_a_weight_that_is_too_large_when_the_layer_is_made(layer):
    with pytest.raises(ValueError, match="a weight of at most `max_size` = 6 elements"):
        layer(estimator="reparameterization", posterior=FULL)


def test_accepts_what_fits():
    layer = Dense(3, 2, estimator=Reparameterization(), posterior=FULL, bias=FULL)
    check_fit("Dense", layer._rule, layer._weights)


def test_at_its_mean_every_posterior_fits():
    layer = Dense(3, 2, estimator="reparameterization", posterior=FULL, bias=FULL)
    check_fit("Dense", Flipout(), layer.at_mean()._weights)
