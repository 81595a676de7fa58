"""What holds for every estimator, on every map, with every posterior and bias.

The tables are the registries: a new map, estimator or posterior joins by its line.
"""

import itertools

import numpy as np
import pytest
from support.estimators import EVERY_ESTIMATOR
from support.gradients import (
    AUTODIFF,
    assert_directional,
    assert_equal_trees,
    autodiff,
)
from support.libraries import assert_same, make_library
from support.maps import MAP_EXAMPLES, MapLayer
from support.problems import Problem, assert_float32, compiled, problem

from varlayers.dispatch import kernels_for
from varlayers.estimators import ESTIMATORS, Deterministic
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, MeanOf
from varlayers.random import fold_in, key
from varlayers.tree import items, map_leaves

EVERY_POSTERIOR = POSTERIORS | {"mean of normal": MeanOf(MeanFieldNormal())}
NO_SHIFT = MeanFieldNormal(shift=0.0)
BASIC = ("normal", "point")
BIASES = [None, *BASIC]


def layer_of(map_name, estimator, posterior="normal", bias=None):
    return MapLayer(
        name=map_name,
        estimator=EVERY_ESTIMATOR[estimator],
        posterior=posterior,
        bias=bias,
    )


def fits(estimator, posterior):
    posterior = EVERY_POSTERIOR[posterior]
    return posterior.deterministic or not EVERY_ESTIMATOR[estimator].needs(posterior)


def bias_cases():
    """Yield a layer for every random bias that is drawn for the batch."""
    for bias, posterior in POSTERIORS.items():
        if not posterior.deterministic:
            layer = layer_of("matmul", "reparameterization", bias=bias)
            yield pytest.param(layer, (2, 4, 3), id=f"bias-{bias}")


def cases(shapes=slice(None), biases=BIASES):
    """Yield a layer and an input shape, for every combination."""
    table = itertools.product(MAP_EXAMPLES, EVERY_ESTIMATOR, EVERY_POSTERIOR, biases)
    for map_name, estimator, posterior, bias in table:
        if posterior not in BASIC and bias is not None:
            continue  # the kernel's posterior and the bias's do not meet
        if posterior == "laplace" and map_name != "matmul":
            continue  # only its noise is not that of "normal"
        if not fits(estimator, posterior):
            continue
        layer = layer_of(map_name, estimator, EVERY_POSTERIOR[posterior], bias)
        if EVERY_POSTERIOR[posterior].deterministic and estimator != "flipout":
            continue  # no noise, so every estimator is the same `Deterministic`
        for x_shape in MAP_EXAMPLES[map_name].x_shapes[shapes]:
            name = f"{map_name}{list(x_shape)}-{estimator}-{posterior}-{bias}"
            yield pytest.param(layer, x_shape, id=name)


CASES = [*cases(), *bias_cases()]


def random_cases(estimators):
    """Yield a layer all of whose weights are random, for every map and estimator."""
    for (name, example), estimator in itertools.product(
        MAP_EXAMPLES.items(), estimators
    ):
        layer = layer_of(name, estimator, bias="normal")
        yield pytest.param(layer, example.with_positions, id=f"{name}-{estimator}")


def posterior_cases():
    """Yield a layer with each random posterior, of its kernel and of its bias."""
    for name, posterior in POSTERIORS.items():
        if name not in BASIC:
            layer = layer_of("convolution", "reparameterization", posterior, posterior)
            yield pytest.param(layer, (3, 5, 6, 2), id=name)


RANDOM_CASES = [*random_cases(EVERY_ESTIMATOR), *posterior_cases()]


@pytest.mark.parametrize(("layer", "x_shape"), CASES)
def test_gradient_in_a_random_direction(layer, x_shape):
    case = problem(layer, x_shape)
    assert_directional(case.value, case.point, case.gradient()[1])


@pytest.mark.parametrize("engine", AUTODIFF)
@pytest.mark.parametrize(
    ("layer", "x_shape"), [*cases(slice(2), [None, "normal"]), *bias_cases()]
)
def test_gradient_equals_that_of_autodiff(layer, x_shape, engine):
    case = problem(layer, x_shape)
    desired = autodiff(
        engine, lambda library, point: case.on(library).value(point), case.point
    )
    assert_equal_trees(case.gradient()[1], desired)


@pytest.mark.parametrize(("layer", "x_shape"), CASES)
def test_same_numbers_on_every_library(library, layer, x_shape):
    case = problem(layer, x_shape)
    assert_same(library, case.on(library).gradient(), case.gradient(), 1e-12)


@pytest.mark.parametrize(("layer", "x_shape"), RANDOM_CASES)
def test_same_noise_of_one_key_on_every_library(library, layer, x_shape):
    x = np.zeros(x_shape)
    draw = compiled(library, lambda x: layer.draw(key(4), x_shape, x))
    desired = layer.draw(key(4), x_shape, x)
    assert_same(library, draw(library.asarray(x)), desired, 1e-12)


@pytest.mark.parametrize(
    ("layer", "x_shape"), [*random_cases(ESTIMATORS), *posterior_cases()]
)
def test_same_numbers_under_jit(layer, x_shape):
    library = make_library("jax")
    import jax

    case = problem(layer, x_shape)

    @jax.jit
    def step(case_arrays, draw_key):
        params, x, dy = case_arrays
        noise = layer.draw(draw_key, x_shape, x)
        y, saved = layer.forward(params, x, noise)
        dx, dparams = layer.backward(saved, dy)
        return y, {"x": dx, "params": dparams}

    moved = case.on(library)
    draw_key = jax.tree.map(lambda word: jax.numpy.uint32(word), key(1))
    actual = step((moved.params, moved.x, moved.dy), draw_key)
    assert_same(library, actual, case.gradient(), 1e-12)


@pytest.mark.parametrize(("layer", "x_shape"), RANDOM_CASES)
def test_float32_stays_float32(library, layer, x_shape):
    assert_float32(library, problem(layer, x_shape))


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize(("layer", "x_shape"), RANDOM_CASES)
def test_two_forwards_before_one_backward(layer, x_shape, name):
    """A later forward changes neither saved nor any argument."""
    library = make_library(name)
    case, later = (problem(layer, x_shape).on(library) for _ in range(2))
    later = later._replace(noise=layer.draw(key(9), x_shape, later.x))
    _, desired = problem(layer, x_shape).gradient()
    _, saved = case.layer.forward(case.params, case.x, case.noise)
    layer.forward(case.params, case.x, later.noise)
    for _ in range(2):
        dx, dparams = layer.backward(saved, case.dy)
        assert_same(library, {"x": dx, "params": dparams}, desired, 1e-12)
        layer.add_kl(saved, dparams, 1e3)
    assert_same(library, case.arrays, problem(layer, x_shape).arrays, 0)


# ---- corners -----------------------------------------------------------------------


@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_zero_variance_is_the_deterministic_layer(library, map_name, estimator):
    layer = layer_of(map_name, estimator, NO_SHIFT, bias=NO_SHIFT)
    case = problem(layer, MAP_EXAMPLES[map_name].with_positions)
    case = case._replace(params=with_rho(case.params, -1e3)).on(library)
    y, gradient = case.gradient()
    point = case._replace(layer=layer.at_mean(), noise={})
    y_mean, gradient_mean = point.gradient()
    assert_same(library, y, library.to_numpy(y_mean), 0)
    desired = map_leaves(library.to_numpy, gradient_mean)
    assert_same(library, gradient, desired, 0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_huge_rho_is_finite(library, map_name, estimator):
    """At rho = 1000 the scale is 1000 and its slope 1: the layer is as well behaved."""
    layer = layer_of(map_name, estimator, NO_SHIFT, bias=NO_SHIFT)
    case = problem(layer, MAP_EXAMPLES[map_name].with_positions)
    case = case._replace(params=with_rho(case.params, 1e3))
    y, gradient = case.run_on(library, Problem.gradient, "float32")
    for _, leaf in items({"y": y, **gradient}):
        assert np.all(np.isfinite(library.to_numpy(leaf)))
    assert_directional(case.value, case.point, case.gradient()[1])


@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_zero_row_adds_nothing_to_the_gradient(map_name, estimator):
    """An example of zeros acts on the weights as one without a loss does."""
    layer = layer_of(map_name, estimator, NO_SHIFT)
    case = problem(layer, MAP_EXAMPLES[map_name].x_shapes[0])
    x, dy = case.x.copy(), case.dy.copy()
    x[1], dy[1] = 0, 0
    actual = case._replace(x=x).gradient()[1]
    assert np.all(np.isfinite(actual["x"]))
    assert_equal_trees(
        actual["params"], case._replace(dy=dy).gradient()[1]["params"], 1e-14
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_zero_inputs_have_finite_gradients(library, map_name, estimator):
    """Without a bias the variance is 0, not just small, where the input is 0."""
    layer = layer_of(map_name, estimator, NO_SHIFT)
    case = problem(layer, MAP_EXAMPLES[map_name].with_positions)
    case = case._replace(x=0 * case.x)
    y, gradient = case.run_on(library, Problem.gradient, "float32")
    assert not np.any(library.to_numpy(y))
    for path, leaf in items(gradient):
        host = library.to_numpy(leaf)
        assert np.all(np.isfinite(host))
        assert not path.startswith("params") or not np.any(host)


@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_one_example(map_name, estimator):
    layer = layer_of(map_name, estimator, bias="normal")
    case = problem(layer, (1, *MAP_EXAMPLES[map_name].with_positions[1:]))
    assert_directional(case.value, case.point, case.gradient()[1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_no_example(library, map_name, estimator):
    layer = layer_of(map_name, estimator, bias="normal")
    case = problem(layer, (0, *MAP_EXAMPLES[map_name].with_positions[1:]))
    y, gradient = case.run_on(library, Problem.gradient)
    assert tuple(y.shape) == layer.out_shape(case.x.shape)
    assert gradient["x"].shape == case.x.shape
    for _, leaf in items(gradient["params"]):
        assert not np.any(library.to_numpy(leaf))


@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_noise_arrays_are_independent(map_name, estimator):
    """No two arrays of one draw, nor of two keys' draws, come from one stream."""
    layer = layer_of(map_name, estimator, bias="normal")
    x = np.zeros(MAP_EXAMPLES[map_name].with_positions)
    draws = [layer.draw(fold_in(key(0), step), x.shape, x) for step in range(200)]
    columns = [
        np.concatenate([np.ravel(draw[name]) for name in sorted(draw)])
        for draw in draws
    ]
    correlation = np.corrcoef(np.array(columns).T)
    off_diagonal = correlation[~np.eye(len(correlation), dtype=bool)]
    # 200 draws: a correlation of 0 has standard error 0.07; 7 of them have chance
    # 1e-12 each, for at most a few thousand pairs.
    assert np.max(np.abs(off_diagonal)) < 7 / np.sqrt(200)


@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
@pytest.mark.parametrize("map_name", MAP_EXAMPLES)
def test_without_input_gradient(map_name, estimator):
    layer = layer_of(map_name, estimator, bias="normal")
    case = problem(layer, MAP_EXAMPLES[map_name].with_positions)
    _, saved = layer.forward(case.params, case.x, case.noise)
    dx, dparams = layer.backward(saved, case.dy, input_gradient=False)
    assert dx is None
    assert_equal_trees(dparams, case.gradient()[1]["params"], tolerance=0)


@pytest.mark.parametrize("estimator", [*ESTIMATORS.values(), Deterministic()])
def test_noise_has_the_shapes_it_says(estimator):
    for name, example in MAP_EXAMPLES.items():
        layer = MapLayer(name=name, estimator=estimator)
        x = np.zeros(example.with_positions)
        site = layer._site(kernels_for(x))
        shapes = estimator.noise_shapes(site, x.shape, example.w_shape)
        noise = estimator.draw(site, key(0), shapes, x)
        assert {n: array.shape for n, array in noise.items()} == shapes


def with_rho(params, value):
    return {
        name: with_rho(leaf, value)
        if isinstance(leaf, dict)
        else np.full_like(leaf, value)
        if name == "rho"
        else leaf
        for name, leaf in params.items()
    }


@pytest.mark.parametrize("posterior", POSTERIORS)
@pytest.mark.parametrize("estimator", EVERY_ESTIMATOR)
def test_a_misfit_is_refused_and_reparameterization_takes_all(estimator, posterior):
    assert fits("reparameterization", posterior)
    if fits(estimator, posterior):
        layer_of("matmul", estimator, posterior)
        return
    kind, rule = type(POSTERIORS[posterior]), type(EVERY_ESTIMATOR[estimator])
    message = (
        rf"^MapLayer expected a `posterior` that its estimator can take, got "
        rf"{kind.__name__}: {rule.__name__} needs .+\. Choose the estimator "
        r"\"reparameterization\"\.$"
    )
    with pytest.raises(ValueError, match=message):
        layer_of("matmul", estimator, posterior)
