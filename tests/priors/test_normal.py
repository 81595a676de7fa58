import pickle

import numpy as np
import pytest
from scipy.stats import norm
from support.libraries import assert_same

from varlayers.dispatch import kernels_for
from varlayers.priors import PRIORS, NormalPrior


def test_numbers_stay_numbers():
    like = np.zeros((3, 2))
    k = kernels_for(like)
    assert NormalPrior(1, 2).loc_and_scale(k, {}, like, 9) == (1.0, 2.0)


@pytest.mark.parametrize(("fan_in", "factor"), [(1, 1.0), (4, 0.5), (0, 1.0)])
def test_width_scaling_divides_by_the_root_of_fan_in(fan_in, factor):
    like = np.zeros((3, 2))
    prior = NormalPrior(0.5, np.array([2.0, 3.0]), width_scaled=True)
    loc, scale = prior.loc_and_scale(kernels_for(like), {}, like, fan_in)
    assert loc == 0.5
    np.testing.assert_array_equal(scale, np.array([2.0, 3.0]) * factor)


def test_width_scaled_layer_has_outputs_of_unit_variance():
    """Under the prior, and for inputs of unit mean square, at every width."""
    for width in (4, 400):
        like = np.zeros((width, 1))
        prior = PRIORS["width-scaled normal"]
        _, scale = prior.loc_and_scale(kernels_for(like), {}, like, width)
        assert width * scale**2 == pytest.approx(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_follow_the_weight(library, dtype):
    like = library.asarray(np.zeros((3, 2)), dtype)
    prior = NormalPrior(np.array([[1.0], [2], [3]]), np.array([0.5, 2.0]))
    desired = (
        np.array([[1.0], [2], [3]], dtype),
        np.array([0.5, 2.0], dtype),
    )
    assert_same(
        library, prior.loc_and_scale(kernels_for(like), {}, like, 3), desired, 0
    )


def test_compares_hashes_and_pickles_by_content():
    one, same = (NormalPrior(0, np.array([1.0, 2])) for _ in range(2))
    assert one == same == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(same)
    assert one != NormalPrior(0, np.array([1.0, 3]))
    assert NormalPrior(0, 1) == NormalPrior()


def test_density_is_that_of_scipy():
    w = np.linspace(-30, 30, 13)
    log_p, _, _ = NormalPrior(0.3, 0.7).log_density(kernels_for(w), {}, w, 1)
    np.testing.assert_allclose(log_p, norm(0.3, 0.7).logpdf(w), rtol=1e-13)


@pytest.mark.parametrize(
    ("scale", "shown"),
    [(0, "0.0"), (-1.5, "-1.5"), (np.array([1, -2.0]), "-2.0"), (np.nan, "nan")],
)
def test_refuses_a_scale_that_is_not_positive(scale, shown):
    message = rf"NormalPrior expected `scale` > 0, got {shown}\."
    with pytest.raises(ValueError, match=message):
        NormalPrior(0, scale)


@pytest.mark.parametrize("shape", [(3,), (4, 3, 2), (1, 1, 1), (2, 3)])
@pytest.mark.parametrize("name", ["loc", "scale"])
def test_refuses_arrays_that_do_not_broadcast_to_the_weight(name, shape):
    like = np.zeros((3, 2))
    prior = NormalPrior(**{name: np.ones(shape)})
    message = (
        rf"NormalPrior expected `{name}` that broadcasts to the weight's shape "
        rf"\(3, 2\), got shape \({str(shape)[1:-1]}\)\."
    )
    with pytest.raises(ValueError, match=message):
        prior.loc_and_scale(kernels_for(like), {}, like, 3)
