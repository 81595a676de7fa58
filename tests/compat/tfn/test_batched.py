"""Each member of a batch is the layer with parameters of its own."""

import numpy as np
import pytest
from support.gradients import assert_directional

import varlayers as vl
from varlayers.compat import tfn
from varlayers.compat.tfn.batched import Batched

RNG = np.random.default_rng(0)
DENSE = vl.Dense(3, 2, posterior="point", prior=None)
SLID = vl.Convolution(3, 2, 2, rank=1, posterior="point", prior=None)

# layer, shape of x, and what it computes of x, kernel and bias.
CASES = {
    "dense": (Batched(DENSE, (4,), 1), (5, 4, 3), "nbi,bio->nbo"),
    "two axes": (Batched(DENSE, (2, 4), 1), (5, 2, 4, 3), "nabi,abio->nabo"),
    "one x for all": (Batched(DENSE, (4,), 1), (5, 1, 3), "nai,bio->nbo"),
    "no batch": (Batched(DENSE, (4,), 1), (3,), "i,bio->bo"),
    "empty": (Batched(DENSE, (4,), 1), (0, 4, 3), "nbi,bio->nbo"),
}


def filled(layer):
    """Return parameters that are nowhere 0."""
    params = layer.init(vl.key(0), np.zeros(0))
    bias = {"loc": RNG.normal(size=params["bias"]["loc"].shape)}
    return params | {"bias": bias}


@pytest.mark.parametrize("name", CASES)
def test_output_is_the_members(library, name):
    layer, shape, formula = CASES[name]
    params, x = filled(layer), RNG.normal(size=shape)
    expected = np.einsum(formula, x, params["kernel"]["loc"]) + params["bias"]["loc"]
    mine = {
        weight: {"loc": library.asarray(parts["loc"])}
        for weight, parts in params.items()
    }
    y = library.to_numpy(layer.forward(mine, library.asarray(x), {})[0])
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)
    assert layer.out_shape(shape) == y.shape


@pytest.mark.parametrize("axes", [1, 2])
def test_convolutions_have_the_members_on_either_side_of_space(axes):
    layer = Batched(SLID, (4,), axes)
    params, x = filled(layer), RNG.normal(size=(5, 4, 6, 3))
    for m in range(4):
        own = {name: {"loc": parts["loc"][m]} for name, parts in params.items()}
        expected = SLID.forward(own, x[:, m], {})[0]
        seen = x if axes == 2 else np.moveaxis(x, 1, 2)
        y = layer.forward(params, seen, {})[0]
        part = y[:, m] if axes == 2 else y[:, :, m]
        np.testing.assert_allclose(part, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        *((layer, shape) for layer, shape, _ in CASES.values()),
        (Batched(SLID, (4,), 1), (5, 6, 4, 3)),
        (Batched(SLID, (2, 2), 2), (5, 1, 2, 6, 3)),
    ],
)
def test_gradients(layer, shape):
    params, x = filled(layer), RNG.normal(size=shape)
    y, saved = layer.forward(params, x, {})
    dy = RNG.normal(size=y.shape)
    dx, grads = layer.backward(saved, dy)
    none, same = layer.backward(saved, dy, input_gradient=False)
    assert none is None
    np.testing.assert_array_equal(same["kernel"]["loc"], grads["kernel"]["loc"])

    def value(point):
        return np.sum(layer.forward(point["params"], point["x"], {})[0] * dy)

    point = {"x": x, "params": params}
    assert_directional(value, point, {"x": dx, "params": grads})


def test_members_start_different_and_say_what_they_are():
    layer = CASES["dense"][0]
    params = layer.init(vl.key(0))
    kernel = params["kernel"]["loc"]
    assert kernel.shape == (4, 3, 2)
    assert kernel.dtype == np.float32
    assert np.all(kernel[0] != kernel[1])
    weights = layer.weights(params)["kernel"]
    np.testing.assert_array_equal(weights["loc"], kernel)
    np.testing.assert_array_equal(weights["scale"], 0)
    assert layer.draw(vl.key(0), (5, 4, 3), kernel) == {}
    assert layer.kl(params) == layer.add_kl((), {}, 1.0)[0] == layer.children() == {}
    assert layer.at_mean() is layer
    assert layer.has_parameters
    assert layer.prior is layer.bias_prior is None


def test_as_layers_of_the_face(tmp_path):
    pytest.importorskip("safetensors")
    arguments = {"batch_shape": (4,), "activation_fn": "tanh"}
    layer = tfn.Affine(3, 2, **arguments, seed=0)
    x = RNG.normal(size=(5, 4, 3)).astype(np.float32)
    expected = np.tanh(np.einsum("nbi,bio->nbo", x, layer.kernel))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)
    assert layer.bias.shape == (4, 2)
    assert layer.losses == []
    np.testing.assert_array_equal(layer.posterior_value.kernel, layer.kernel)
    assert layer.kernel_prior is layer.bias_prior is None
    layer.save(tmp_path / "layer.safetensors")
    other = tfn.Affine(3, 2, **arguments, seed=1)
    other.load(tmp_path / "layer.safetensors")
    np.testing.assert_array_equal(other(x), layer(x))
    assert "Batched" in layer.summary((5, 4, 3))


@pytest.mark.parametrize("rank", [1, 2])
def test_layout_of_the_two_versions(rank):
    space = (6, 5)[:rank]
    for kind, shape in (
        (tfn.Convolution, (7, *space, 4, 3)),
        (tfn.ConvolutionV2, (7, 4, *space, 3)),
    ):
        layer = kind(3, 2, 1, rank, batch_shape=(4,))
        assert layer(np.ones(shape, np.float32)).shape == (*shape[:-1], 2)
        assert layer.kernel.shape == (4, *[1] * rank, 3, 2)


def test_what_does_not_fit_is_refused():
    layer = CASES["dense"][0]
    with pytest.raises(
        ValueError, match=r"axes \(4,\) .* its last 1, got shape \(5, 3"
    ):
        layer.out_shape((5, 3))
    with pytest.raises(ValueError, match=r"got shape \(\)"):
        layer.out_shape(())
    with pytest.raises(ValueError, match="Batched expected `batch_shape` >= 1, got 0"):
        Batched(DENSE, (0,), 1)
