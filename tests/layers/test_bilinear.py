import numpy as np
import pytest

from varlayers.estimators import Deterministic, LocalReparameterization
from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldNormal, MeanOf, Point
from varlayers.priors import NormalPrior
from varlayers.random import key

X = np.random.default_rng(0).normal(size=(4, 3))


def forward(layer, params, x=X):
    return layer.forward(params, x, layer.draw(key(1), x.shape, x))[0]


@pytest.mark.parametrize(
    "argument",
    [
        "estimator",
        "posterior",
        "prior",
        "bias",
        "bias_prior",
        "kernel_initializer",
        "bias_initializer",
    ],
)
def test_refuses_an_unknown_name(argument):
    message = rf"Dense expected `{argument}` in \[.*\], got 'unknown'\."
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, **{argument: "unknown"})


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ("estimator", r"Leave it out: with the posterior \"point\" none is used\."),
        ("posterior", r"For no uncertainty pass \"point\"\."),
        ("kernel_initializer", r"To start at 0 pass \"zeros\"\."),
        ("bias_initializer", r"To start at 0 pass \"zeros\"\."),
    ],
)
def test_refuses_none_where_something_is_needed(argument, remedy):
    message = rf"^Dense expected `{argument}` in \[.*\] or an instance, got None\. "
    with pytest.raises(TypeError, match=f"{message}{remedy}$"):
        Dense(3, 2, **{argument: None})


def test_refuses_a_class():
    message = r"Dense expected an instance for `estimator`, got the class Local.*\(\)\."
    with pytest.raises(TypeError, match=message):
        Dense(3, 2, estimator=LocalReparameterization)


def test_a_name_is_the_same_layer_as_what_it_names():
    named = Dense(3, 2, estimator="local", posterior="point", prior="normal")
    given = Dense(
        3,
        2,
        estimator=LocalReparameterization(),
        posterior=Point(),
        prior=NormalPrior(),
    )
    assert named == given
    assert hash(named) == hash(given)


def test_init_is_posterior_at_the_initializers_draw():
    layer = Dense(50, 40, bias="normal", posterior=MeanFieldNormal(0.2))
    params = layer.init(key(3), X)
    assert list(params) == ["kernel", "bias"]
    assert params["kernel"]["loc"].shape == (50, 40)
    bound = np.sqrt(3 * 2 / 50)  # he_uniform
    assert 0.99 * bound < np.max(np.abs(params["kernel"]["loc"])) <= bound
    assert not np.any(params["bias"]["loc"])
    for name, fraction in (("kernel", 0.2), ("bias", 0.1)):
        scale = layer.weights(params)[name]["scale"]
        np.testing.assert_allclose(scale, fraction / np.sqrt(50), rtol=1e-12)


def test_kernel_and_bias_start_from_different_keys():
    initializer = {f"{name}_initializer": "he_normal" for name in ("kernel", "bias")}
    params = Dense(1, 5, **initializer).init(key(0), X)
    assert not np.any(params["kernel"]["loc"][0] == params["bias"]["loc"])


def test_kernel_and_bias_are_drawn_from_different_keys():
    layer = Dense(1, 5, estimator="reparameterization", bias="normal")
    noise = layer.draw(key(0), (4, 1), X)
    assert not np.any(noise["kernel"][0] == noise["bias"])


def test_no_bias():
    layer = Dense(3, 2, bias=None, bias_prior="normal")
    params = layer.init(key(0), X)
    assert list(params) == ["kernel"]
    assert list(layer.kl(params)) == ["kernel"]
    assert not np.any(forward(layer, params, 0 * X))


def test_no_prior_no_divergence():
    layer = Dense(3, 2, prior=None)
    params = layer.init(key(0), X)
    assert layer.kl(params) == {}


def test_divergences_of_kernel_and_bias_are_apart():
    """Each that of its own posterior and prior: with equal ones, in ratio of size."""
    normal = {"posterior": MeanFieldNormal(0.3), "bias": MeanFieldNormal(0.3)}
    layer = Dense(
        3, 2, prior="normal", bias_prior="normal", kernel_initializer="zeros", **normal
    )
    kl = layer.kl(layer.init(key(0), X))
    assert kl["kernel"] == pytest.approx(3 * kl["bias"], rel=1e-12)
    assert kl["bias"] > 0


def test_width_scaled_prior_knows_the_fan_in_of_the_kernel():
    params = Dense(4, 2).init(key(0), X)
    scaled = Dense(4, 2, prior="width-scaled normal").kl(params)["kernel"]
    assert scaled == Dense(4, 2, prior=NormalPrior(0, 0.5)).kl(params)["kernel"]


@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
def test_a_point_posterior_needs_no_noise(estimator):
    layer = Dense(3, 2, estimator=estimator, posterior="point")
    assert layer.draw(key(0), X.shape, X) == {}
    params = layer.init(key(0), X)
    expected = X @ params["kernel"]["loc"] + params["bias"]["loc"]
    np.testing.assert_allclose(layer.forward(params, X, {})[0], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        ("reparameterization", {"kernel", "bias"}),
        ("local", {"output"}),
        (LocalReparameterization(bias="shared"), {"output", "bias"}),
        ("flipout", {"kernel", "signs_in", "signs_out", "bias"}),
        (Deterministic(), {"bias"}),
    ],
)
def test_names_of_the_noise(estimator, names):
    layer = Dense(3, 2, estimator=estimator, bias="normal")
    assert layer.draw(key(0), X.shape, X).keys() == names


def test_at_mean_holds_both_posteriors():
    layer = Dense(3, 2, bias="normal", bias_prior="normal").at_mean()
    assert layer.posterior == layer.bias == MeanOf(MeanFieldNormal())
    assert layer.prior is layer.bias_prior is None


def test_no_weight_is_written_into_a_read_only_input():
    x = X.copy()
    x.flags.writeable = False
    layer = Dense(3, 2)
    assert forward(layer, layer.init(key(0), x), x).flags.writeable


# ---- messages ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 2), (3, 1), ()])
def test_refuses_x_of_another_shape(shape):
    layer = Dense(3, 2, posterior="point")
    got = rf"\({str(shape)[1:-1]}\)"
    message = rf"^Dense expected `x` of shape \(\.\.\., 3\), got {got}\.$"
    with pytest.raises(ValueError, match=message):
        layer.forward(layer.init(key(0), X), np.zeros(shape), {})
    with pytest.raises(ValueError, match=message):
        layer.out_shape(shape)
    with pytest.raises(ValueError, match=message):
        layer.draw(key(0), shape, X)


def test_refuses_x_of_another_dtype():
    layer = Dense(3, 2, posterior="point")
    params = layer.init(key(0), np.float32(X))
    with pytest.raises(TypeError, match="Dense expected `x` of dtype float32, as its"):
        layer.forward(params, X, {})
    with pytest.raises(TypeError, match="Dense expected `x` of a floating dtype, got"):
        layer.forward(params, np.ones((4, 3), np.int64), {})


def test_refuses_what_is_no_array():
    layer = Dense(3, 2, posterior="point")
    with pytest.raises(TypeError, match="Expected an array of an array-API library"):
        layer.forward(layer.init(key(0), X), [[1.0, 2.0, 3.0]], {})


def test_refuses_parameters_of_other_names():
    layer = Dense(3, 2)
    params = Dense(3, 2, bias=None).init(key(0), X)
    message = r"Dense expected parameters \['bias', 'kernel'\], got \['kernel'\]\."
    with pytest.raises(ValueError, match=message):
        layer.forward(params, X, {})


@pytest.mark.parametrize("weight", ["kernel", "bias"])
@pytest.mark.parametrize("method", ["forward", "kl", "weights"])
def test_refuses_parameters_of_another_posterior(weight, method):
    argument = {"kernel": "posterior", "bias": "bias"}[weight]
    params = Dense(3, 2, **{argument: "point"}).init(key(0), X)
    layer = Dense(3, 2, **{argument: "normal"})
    message = (
        rf"^Dense expected parameters `{weight}` with \['loc', 'rho'\], "
        r"got \['loc'\]\. Make them with init\.$"
    )
    rest = (X, layer.draw(key(0), X.shape, X)) if method == "forward" else ()
    with pytest.raises(ValueError, match=message):
        getattr(layer, method)(params, *rest)


def test_refuses_parameters_of_other_shapes():
    layer, params = Dense(3, 2), Dense(3, 4).init(key(0), X)
    message = r"Dense expected parameters `kernel\.loc` of shape \(3, 2\), got \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        layer.forward(params, X, {})


def test_refuses_noise_of_another_estimator():
    layer, other = Dense(3, 2, estimator="local"), Dense(3, 2, estimator="flipout")
    noise = other.draw(key(0), X.shape, X)
    message = (
        r"Dense expected noise \['output'\], got \['kernel', .*\]\. Make them with"
    )
    with pytest.raises(ValueError, match=message):
        layer.forward(layer.init(key(0), X), X, noise)


def test_refuses_noise_of_another_batch():
    layer = Dense(3, 2, estimator="local")
    noise = layer.draw(key(0), (5, 3), X)
    message = r"Dense expected noise `output` of shape \(4, 2\), got \(5, 2\)\."
    with pytest.raises(ValueError, match=message):
        layer.forward(layer.init(key(0), X), X, noise)


def test_nan_comes_out_as_nan():
    """Values are not inspected; a NaN stays in its example."""
    x = X.copy()
    x[1] = np.nan
    for estimator in ("reparameterization", "local", "flipout"):
        layer = Dense(3, 2, estimator=estimator)
        y = forward(layer, layer.init(key(0), X), x)
        np.testing.assert_array_equal(np.isnan(y).any(axis=1), [0, 1, 0, 0])


def test_with_points_has_neither_noise_nor_beliefs():
    belief = {"prior": "normal", "bias_prior": "normal", "divergence": "monte carlo"}
    layer = Dense(3, 2, estimator="local", bias="normal", **belief).with_points()
    params = layer.init(key(0), X)
    assert {name: list(part) for name, part in params.items()} == {
        "kernel": ["loc"],
        "bias": ["loc"],
    }
    assert layer.draw(key(0), X.shape, X) == {}
    assert layer.kl(params) == {}
    assert Dense(3, 2, bias=None).with_points().bias is None
