"""Beside TensorFlow Probability itself, where it is installed: the same noise, weights
and gradients give the same numbers.

What TFP draws is recorded and handed to the layers here; what differs on purpose is in
docs/how-to/migrate-from-tfp-nn.md and migrate-from-tfp-layers.md.
"""

import inspect
import os
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import varlayers as vl
from varlayers import tree
from varlayers.compat import tfl, tfn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
REASON = "needs TensorFlow Probability, to run beside it"
tf = pytest.importorskip("tensorflow", reason=REASON)
tfp = pytest.importorskip("tensorflow_probability", reason=REASON)

pytestmark = [  # what TFP itself warns of
    pytest.mark.filterwarnings("ignore:`layer.add_variable` is deprecated"),
    pytest.mark.filterwarnings("ignore:The initializer RandomNormal is unseeded"),
]
RNG = np.random.default_rng(0)
NN, LAYERS, TFD = tfp.experimental.nn, tfp.layers, tfp.distributions


@pytest.fixture
def drawn(monkeypatch):
    """Return a list that every normal and sign that TFP draws is added to."""
    found = []

    def recorded(draw):
        def record(*arguments, **named):
            result = draw(*arguments, **named)
            if tf.executing_eagerly():  # not where it only traces shapes
                found.append(result.numpy())
            return result

        return record

    for path, name in (("internal.samplers", "normal"), ("random", "rademacher")):
        module = import_module(f"tensorflow_probability.python.{path}")
        monkeypatch.setattr(module, name, recorded(getattr(module, name)))
    return found


def moved(theirs):
    """Move all variables a little, so that none is 0, and return them in order."""
    for variable in theirs.trainable_variables:
        step = RNG.normal(size=variable.shape)
        variable.assign_add(tf.cast(0.1 * step, variable.dtype))
    return [variable.numpy() for variable in theirs.trainable_variables]


def take_over(mine, values):
    """Give the layer the weights, reshaped to its own."""
    shapes = [own.shape for own in mine.variables]
    pairs = zip(values, shapes, strict=True)
    mine.set_weights([value.reshape(shape) for value, shape in pairs])


def noise_of(layer, x, **drawn):
    """Return the noise of a layer, with each array in its shape."""
    noise = layer.draw(vl.key(0), x.shape, x)
    names = drawn.keys() & noise.keys()
    return noise | {name: drawn[name].reshape(noise[name].shape) for name in names}


def passed(layer, params, x, noise, dy, other=None):
    """Return output, divergences, and the gradients of Σ dy ∘ y + Σ divergences.

    The divergences are those at `other` noise, if it is given.
    """
    y, saved = layer.forward(params, x, noise)
    dx, grads = layer.backward(saved, dy)
    if other is not None:
        _, saved = layer.forward(params, x, other)
    parts, grads = layer.add_kl(saved, grads, 1.0)
    return [y, *tree.leaves(parts), dx, *tree.leaves(grads)]


def theirs_passed(call, losses_of, variables, x, dy):
    """Return the same of a layer of TFP."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = call(x)
        losses = losses_of()
        total = tf.reduce_sum(y * dy) + sum(losses)
    grads = tape.gradient(total, [x, *variables])
    return [array.numpy() for array in (y, *losses, *grads)]


def assert_same(mine, theirs, tolerance):
    """Compare two passes, each array by its largest entry."""
    for one, other in zip(mine, theirs, strict=True):
        bound = tolerance * max(float(np.max(np.abs(other))), 1e-3)
        one = np.reshape(one, other.shape)
        np.testing.assert_allclose(one, other, rtol=0, atol=bound)


# ---- tfp.layers, in float64 ------------------------------------------------------

DENSE = {"units": 2}, (5, 3)
SPACE = (6, 5, 4)
SLID = {
    f"Convolution{rank}D": (
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
        (3, *SPACE[:rank], 2),
    )
    for rank in (1, 2, 3)
}
TFL_CASES = [
    *(
        (f"Dense{kind}", *DENSE)
        for kind in ("Reparameterization", "LocalReparameterization", "Flipout")
    ),
    *(
        (f"{name}{kind}", *case)
        for name, case in SLID.items()
        for kind in ("Reparameterization", "Flipout")
    ),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), TFL_CASES)
def test_layers_of_tfl(name, arguments, shape, drawn):
    x, more = RNG.normal(size=shape), {"dtype": "float64"}
    theirs = getattr(LAYERS, name)(
        **arguments,
        **more,
        bias_posterior_fn=LAYERS.default_mean_field_normal_fn(),
        bias_prior_fn=LAYERS.default_multivariate_normal_fn,
    )
    mine = getattr(tfl, name)(
        **arguments,
        **more,
        bias_posterior_fn=tfl.default_mean_field_normal_fn(),
        bias_prior_fn=tfl.default_multivariate_normal_fn,
    )
    y = theirs(tf.constant(x))
    mine.build(x.shape)
    take_over(mine, moved(theirs))
    drawn.clear()
    dy = RNG.normal(size=y.shape)
    expected = theirs_passed(
        theirs, lambda: theirs.losses, theirs.trainable_variables, x, dy
    )
    order = {
        "Reparameterization": ("kernel", "bias"),
        "LocalReparameterization": ("output", "bias"),
        "Flipout": ("kernel", "signs_in", "signs_out", "bias"),
    }[name.removeprefix("Dense") if "Dense" in name else name[len("Convolution1D") :]]
    noise = noise_of(mine.layer, x, **dict(zip(order, drawn, strict=True)))
    assert_same(passed(mine.layer, mine.params, x, noise, dy), expected, 1e-10)


@pytest.mark.parametrize("exact", [False, True])
def test_dense_variational(exact, drawn):
    x, shift = RNG.normal(size=(5, 3)), float(np.log(np.expm1(1)))

    def posterior(kernel_size, bias_size, dtype):
        n = kernel_size + bias_size
        return tf.keras.Sequential(
            [
                LAYERS.VariableLayer(2 * n, dtype=dtype),
                LAYERS.DistributionLambda(
                    lambda t: TFD.Independent(
                        TFD.Normal(
                            t[..., :n], 1e-5 + tf.nn.softplus(shift + t[..., n:])
                        ),
                        1,
                    ),
                    dtype=dtype,
                ),
            ]
        )

    def prior(kernel_size, bias_size, dtype):
        zeros = tf.zeros(kernel_size + bias_size, dtype)
        return lambda _: TFD.Independent(TFD.Normal(zeros, tf.ones_like(zeros)), 1)

    kinds = {"kl_weight": 0.25, "kl_use_exact": exact, "dtype": "float64"}
    theirs = LAYERS.DenseVariational(2, posterior, prior, **kinds)
    theirs(tf.constant(x))
    (flat,) = moved(theirs)
    mine = tfl.DenseVariational(
        2, vl.MeanFieldNormal(shift=1e-5), vl.NormalPrior(), **kinds
    )
    mine.build(x.shape)
    take_over(mine, [flat[:8], flat[8:] + shift])
    drawn.clear()
    dy = RNG.normal(size=(5, 2))
    *same, dx, dflat = theirs_passed(
        theirs, lambda: theirs.losses, theirs.trainable_variables, x, dy
    )
    (eps,) = drawn
    ones = np.concatenate([x, np.ones((5, 1))], axis=-1)
    noise = noise_of(mine.layer, ones, kernel=eps)
    found = passed(mine.layer, mine.params, ones, noise, dy)
    found[2] = found[2][:, :-1]
    assert_same(found, [*same, dx, dflat[:8], dflat[8:]], 1e-10)


def test_first_values_of_tfl_have_the_same_law():
    theirs, mine = (
        kinds.DenseReparameterization(300, dtype="float64") for kinds in (LAYERS, tfl)
    )
    x = np.zeros((1, 200))
    theirs(tf.constant(x))
    mine(x)
    for own, other in zip(mine.get_weights()[:2], theirs.get_weights(), strict=False):
        assert own.shape == other.shape
        assert np.mean(own) == pytest.approx(np.mean(other), abs=5e-3)
        assert np.std(own) == pytest.approx(np.std(other), rel=0.03)


# ---- tfp.experimental.nn, in float32, the only dtype of its defaults -------------

CONV = {"filter_shape": 3, "strides": 2, "padding": "SAME"}
TFN_CASES = [
    *(
        ("Affine", {}, (5, 3), kind)
        for kind in ("Reparameterization", "ReparameterizationLocal", "Flipout")
    ),
    *(
        (name, CONV, (3, 6, 5, 3), kind)
        for name in ("Convolution", "ConvolutionTranspose")
        for kind in ("Reparameterization", "Flipout")
    ),
    ("Convolution", {"filter_shape": 2, "dilations": 2}, (3, 6, 5, 3), "Flipout"),
]
TFN_ORDER = {
    "Reparameterization": ("kernel", "bias"),
    "ReparameterizationLocal": ("kernel_divergence", "bias_divergence", "output"),
    "Flipout": ("kernel_divergence", "bias", "signs_in", "kernel", "signs_out"),
}


@pytest.mark.parametrize(("name", "arguments", "shape", "kind"), TFN_CASES)
def test_layers_of_tfn(name, arguments, shape, kind, drawn):
    x = RNG.normal(size=shape).astype(np.float32)
    theirs = getattr(NN, f"{name}Variational{kind}")(3, 2, **arguments)
    signs = {"signs": "element"} if "Conv" in name and kind == "Flipout" else {}
    mine = getattr(tfn, f"{name}Variational{kind}")(3, 2, **arguments, **signs)
    take_over(mine, moved(theirs))
    dy = RNG.normal(size=theirs(x).shape).astype(np.float32)
    drawn.clear()

    def losses():
        q = theirs.posterior.sample_distributions(value=theirs.posterior_value)[0]
        r = theirs.prior.sample_distributions(value=theirs.posterior_value)[0]
        pairs = zip(q, r, theirs.posterior_value, strict=True)
        return [a.log_prob(w) - b.log_prob(w) for a, b, w in pairs]

    expected = theirs_passed(theirs, losses, theirs.trainable_variables, x, dy)
    total = float(NN.losses.compute_extra_loss(theirs))
    assert sum(expected[1:3]) == pytest.approx(total, rel=1e-5)
    given = dict(zip(TFN_ORDER[kind], drawn, strict=True))
    noise, other = noise_of(mine.layer, x, **given), None
    if kind == "Flipout":  # theirs takes the divergence of another draw of the kernel
        other = noise_of(
            mine.layer, x, **given | {"kernel": given["kernel_divergence"]}
        )
    found = passed(mine.layer, mine.params, x, noise, dy, other)
    assert_same(found, expected, 5e-4)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Affine", {}, (5, 3)),
        ("Affine", {"batch_shape": [4]}, (5, 4, 3)),
        ("Convolution", CONV, (3, 6, 5, 3)),
        ("Convolution", {"filter_shape": 3, "batch_shape": [4]}, (2, 6, 5, 4, 3)),
        ("ConvolutionV2", {"filter_shape": 3, "batch_shape": [4]}, (2, 4, 6, 5, 3)),
        ("ConvolutionTranspose", CONV, (3, 6, 5, 3)),
        ("ConvolutionTranspose", {"filter_shape": 2, "strides": 3}, (3, 6, 5, 3)),
    ],
)
def test_points_of_tfn(name, arguments, shape):
    x = RNG.normal(size=shape).astype(np.float32)
    theirs = getattr(NN, name)(3, 2, **arguments)
    mine = getattr(tfn, name)(3, 2, **arguments)
    bias, kernel = moved(theirs)
    take_over(mine, [kernel, bias])
    dy = RNG.normal(size=theirs(x).shape).astype(np.float32)
    variables = [theirs.kernel, theirs.bias]
    expected = theirs_passed(theirs, list, variables, x, dy)
    assert_same(passed(mine.layer, mine.params, x, {}, dy), expected, 1e-5)


def test_first_scales_of_tfn():
    theirs, mine = (kinds.AffineVariationalFlipout(3, 2) for kinds in (NN, tfn))
    pairs = zip(theirs.trainable_variables, mine.variables, strict=True)
    for index, (other, own) in enumerate(pairs):
        if index != 0:  # the kernel's location, which is random
            np.testing.assert_allclose(own, other.numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]
)
def test_initializers_have_the_same_law(name):
    theirs = getattr(NN.initializers, name)(seed=1)([200, 300], tf.float32).numpy()
    mine = tfn.Affine(200, 300, kernel_initializer=getattr(tfn.initializers, name)())
    assert np.std(mine.kernel) == pytest.approx(np.std(theirs), rel=0.02)
    largest = np.max(np.abs(theirs))
    assert np.max(np.abs(mine.kernel)) == pytest.approx(largest, rel=0.05)


# ---- names -------------------------------------------------------------------------


def made(module, name):
    """Return a layer of either tfn; None of a class that is not for use."""
    if name == "Sequential":
        return module.Sequential([module.Affine(3, 2)])
    sizes = (3, 2, 3) if "Conv" in name else (3, 2)
    return getattr(module, name)(*sizes)


@pytest.mark.parametrize(
    "name", [n for n in dir(NN) if n[0].isupper() and not n.endswith("Layer")]
)
def test_every_class_of_tfn_has_its_public_names(name):
    theirs, mine = (set(dir(made(module, name))) for module in (NN, tfn))
    assert sorted(n for n in theirs - mine if not n.startswith("_")) == []


@pytest.mark.parametrize("module", ["util", "losses", "initializers"])
def test_every_function_of_tfn_is_there_or_says_where(module):
    theirs, mine = getattr(NN, module), getattr(tfn, module)
    for name in (n for n in dir(theirs) if not n.startswith("_")):
        if name not in mine.__all__:
            with pytest.raises(AttributeError, match=rf"'{name}'\. [A-Z]"):
                getattr(mine, name)


@pytest.mark.parametrize("name", [name for name, *_ in TFL_CASES])
def test_every_argument_and_attribute_of_tfl(name):
    base = set(dir(tf.keras.layers.Dense(1))) | set(dir(tf.keras.layers.Conv1D(1, 1)))
    arguments = next(arguments for n, arguments, _ in TFL_CASES if n == name)
    theirs, mine = getattr(LAYERS, name)(**arguments), getattr(tfl, name)(**arguments)
    own = {n for n in set(dir(theirs)) - base if not n.startswith("_")}
    assert sorted(own - set(dir(type(mine))) - set(vars(mine))) == []
    given = set(inspect.signature(type(theirs).__init__).parameters)
    for argument in given - {"self", "kwargs", *arguments}:
        assert hasattr(mine, argument), argument


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", ["migrate-from-tfp-layers", "migrate-from-tfp-nn"])
def test_their_example_in_the_page_runs(page):
    text = Path(__file__).parents[2].joinpath(f"docs/how-to/{page}.md").read_text()
    (block,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names = {"__name__": "__main__"}
    exec(compile(block, page, "exec"), names)
    assert np.isfinite(names["loss"])
