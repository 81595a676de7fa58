import numpy as np
import pytest
from support.oracles import assert_equals_function, channels_second

import varlayers as vl

X = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
SIZES = [(2, 2), (1, 4), (3, 1), (5, 2)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "linear"])
@pytest.mark.parametrize("length", [1, 4])
def test_equals_torch(interpolation, size, length):
    functional = pytest.importorskip("torch").nn.functional
    layer = vl.UpSampling(size, interpolation=interpolation)
    options = {"scale_factor": tuple(map(float, size)), "mode": interpolation}
    if interpolation == "linear":
        options.update(mode="bilinear", align_corners=False)
    function = channels_second(functional.interpolate, **options)
    assert_equals_function("torch", layer, function, X[:, :length])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "linear"])
def test_equals_jax(interpolation, size):
    jax = pytest.importorskip("jax")
    layer = vl.UpSampling(size, interpolation=interpolation)

    def function(x):
        return jax.image.resize(x, layer.out_shape(X.shape), interpolation)

    assert_equals_function("jax", layer, function, X)


def test_equals_torch_over_three_axes():
    functional = pytest.importorskip("torch").nn.functional
    layer = vl.UpSampling((2, 1, 3), interpolation="linear")
    function = channels_second(
        functional.interpolate,
        scale_factor=(2.0, 1.0, 3.0),
        mode="trilinear",
        align_corners=False,
    )
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 4, 1))
    assert_equals_function("torch", layer, function, x)


@pytest.mark.parametrize("interpolation", ["nearest", "linear"])
@pytest.mark.parametrize("batch", [(), (0,), (2, 3)])
def test_channels_first_is_channels_last_moved(interpolation, batch):
    x = np.random.default_rng(0).normal(size=(*batch, 3, 2, 4))
    last = vl.UpSampling((2, 3), interpolation=interpolation)
    first = vl.UpSampling(
        (2, 3), interpolation=interpolation, data_format="channels_first"
    )
    y, saved = last.forward({}, x, {})
    moved, moved_saved = first.forward({}, np.moveaxis(x, -1, -3), {})
    assert y.shape == last.out_shape(x.shape) == (*batch, 6, 6, 4)
    np.testing.assert_array_equal(np.moveaxis(moved, -3, -1), y)
    dx, moved_dx = last.backward(saved, y)[0], first.backward(moved_saved, moved)[0]
    np.testing.assert_array_equal(np.moveaxis(moved_dx, -3, -1), dx)


@pytest.mark.parametrize("size", [2, 3])
def test_a_constant_stays_constant_and_a_line_a_line(size):
    layer = vl.UpSampling(size, interpolation="linear", rank=1)
    y, _ = layer.forward({}, np.arange(6.0)[:, None], {})
    inside = slice(size // 2, 6 * size - size // 2)
    centres = (np.arange(6 * size) + 0.5) / size - 0.5
    np.testing.assert_allclose(y[inside, 0], centres[inside], rtol=0, atol=1e-15)
    assert y[0, 0] == 0
    assert y[-1, 0] == 5


def test_nan_and_infinity_reach_neighbors_only():
    layer = vl.UpSampling(3, interpolation="linear", rank=1)
    x = np.array([[0.0], [1.0], [np.inf], [2.0], [3.0]])
    y, _ = layer.forward({}, x, {})
    assert np.isinf(y[5:10]).all()
    assert np.isfinite(y[:5]).all()
    assert np.isfinite(y[10:]).all()
    dy = np.zeros((15, 1))
    dy[7] = np.inf  # the centre of an entry
    dx, _ = layer.backward((), dy)
    np.testing.assert_array_equal(dx[:, 0], [0, 0, np.inf, 0, 0])


def test_messages():
    with pytest.raises(ValueError, match="UpSampling expected `size` >= 1, got 0"):
        vl.UpSampling(0)
    with pytest.raises(TypeError, match="UpSampling expected an integer `size`, got 1"):
        vl.UpSampling(1.5)
    with pytest.raises(ValueError, match="UpSampling expected `size` with one integer"):
        vl.UpSampling((2, 2), rank=3)
    with pytest.raises(ValueError, match="UpSampling expected `rank` >= 1, got 0"):
        vl.UpSampling(2, rank=0)
    with pytest.raises(ValueError, match="UpSampling expected `data_format` in"):
        vl.UpSampling(2, data_format="first")
    message = r"UpSampling expected `interpolation` in \('linear', 'nearest'\), got 'c"
    with pytest.raises(ValueError, match=message):
        vl.UpSampling(2, interpolation="cubic")
    message = r"UpSampling expected `x` of shape \(\.\.\., space, space, channels\)"
    with pytest.raises(ValueError, match=message):
        vl.UpSampling(2).out_shape((4, 4))
    message = r"UpSampling expected `x` with at least one position, got \(0, 4\)"
    with pytest.raises(ValueError, match=message):
        vl.UpSampling(2).out_shape((3, 0, 4, 1))
    with pytest.raises(TypeError, match="UpSampling expected `x` of a floating dtype"):
        vl.UpSampling(2).forward({}, np.ones((1, 2, 2, 1), np.int64), {})
