import re

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from varlayers.dispatch import kernels_for
from varlayers.priors import PRIORS, NormalPrior, ScaleMixturePrior

W = np.array([-1e6, -30.0, -1.0, 0.0, 0.3, 2.0, 1e3])
K = kernels_for(W)


def test_density_is_the_mixture_of_scipys():
    scales, p = np.array([0.1, 1.0, 10.0]), np.array([0.2, 0.5, 0.3])
    prior = ScaleMixturePrior(0.3, 0.7, scales=tuple(scales), probabilities=tuple(p))
    parts = np.log(p) + norm(0.3, 0.7 * scales).logpdf(W[:, None])
    actual, _, _ = prior.log_density(K, {}, W, 1)
    np.testing.assert_allclose(actual, logsumexp(parts, axis=1), rtol=1e-13)


def test_spike_and_slab_is_that_of_tfp():
    prior = PRIORS["spike and slab"]
    assert (prior.scales, prior.probabilities) == ((1.0, 2000.0), (0.5, 0.5))
    at_0, _, _ = prior.log_density(K, {}, np.zeros(1), 1)
    assert at_0 == pytest.approx(-1.61159, abs=1e-5)


def test_one_component_is_a_normal():
    prior = ScaleMixturePrior(0.1, 2, scales=(3,), probabilities=(1,))
    for one, other in zip(
        prior.log_density(K, {}, W, 1),
        NormalPrior(0.1, 6).log_density(K, {}, W, 1),
        strict=True,
    ):
        if isinstance(one, np.ndarray):
            np.testing.assert_allclose(one, other, rtol=1e-13)


def test_gradient_far_out_is_that_of_the_slab():
    _, dw, _ = PRIORS["spike and slab"].log_density(K, {}, np.array([1e5]), 1)
    np.testing.assert_allclose(dw, -1e5 / 2000**2, rtol=1e-13)


def test_learned_components_are_its_own(library):
    learn = ("scales", "probabilities")
    prior, w = ScaleMixturePrior(trainable=learn), library.asarray(W)
    assert prior.shapes == {"log_scales": (2,), "logits": (2,)}
    scales, p = np.array([0.1, 10.0]), np.array([0.2, 0.8])
    params = {"log_scales": np.log(scales), "logits": np.log(p) + 7}
    log_p, _, _ = prior.log_density(kernels_for(w), library.tree(params), w, 1)
    same = ScaleMixturePrior(scales=tuple(scales), probabilities=tuple(p))
    desired, _, _ = same.log_density(K, {}, W, 1)
    np.testing.assert_allclose(library.to_numpy(log_p), desired, rtol=1e-12)


def test_one_of_both_may_be_learned():
    w = np.linspace(-3, 3, 5)
    for name, parameter in (("scales", "log_scales"), ("probabilities", "logits")):
        prior = ScaleMixturePrior(trainable=(name,), scales=(0.5, 3))
        _, _, grads = prior.log_prob(K, prior.init(K, w), w, 1)
        assert {n: g.shape for n, g in grads.items()} == {parameter: (2,)}


def test_learning_finds_the_shares_of_the_components():
    """By gradient ascent, from equal ones, on weights of which a fifth are wide."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=5000) * np.where(rng.uniform(size=5000) < 0.2, 10, 0.1)
    prior = ScaleMixturePrior(trainable=("scales", "probabilities"), scales=(0.5, 5))
    params = prior.init(K, w)
    for _ in range(200):
        _, _, grads = prior.log_prob(K, params, w, 1)
        params = {n: p + 2e-4 * grads[n] for n, p in params.items()}
    assert np.exp(params["log_scales"]) == pytest.approx([0.1, 10], rel=0.1)
    shares = np.exp(params["logits"]) / np.sum(np.exp(params["logits"]))
    assert shares == pytest.approx([0.8, 0.2], abs=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scales": (1, 0)}, "one or more `scales`, each > 0, got (1.0, 0.0)."),
        ({"scales": ()}, "one or more `scales`, each > 0, got ()."),
        ({"probabilities": (1.5, -0.5)}, "one or more `probabilities`, each > 0, got"),
        ({"probabilities": (0.5, 0.4)}, "2 `probabilities` of sum 1, one for each"),
        ({"scales": (1, 2, 3)}, "3 `probabilities` of sum 1, one for each scale, got"),
    ],
)
def test_refuses_what_is_no_mixture(settings, message):
    message = "^" + re.escape(f"ScaleMixturePrior expected {message}")
    with pytest.raises(ValueError, match=message):
        ScaleMixturePrior(**settings)
