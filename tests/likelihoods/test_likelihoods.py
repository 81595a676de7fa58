"""What holds for every likelihood, on every form of its targets."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from support.libraries import assert_same
from support.likelihoods import CASES, call

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.likelihoods import LIKELIHOODS, Poisson

KEY = vl.key(7)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    return request.param


def in_library(library, case, problem):
    """Move a problem; targets that are integers stay integers."""
    params, outputs, targets = problem
    return (
        library.tree(params),
        library.asarray(outputs),
        library.asarray(targets, str(targets.dtype)),
    )


def everything(likelihood, params, outputs, targets):
    """Return every result but the samples."""
    return {
        "nll": likelihood.nll(params, outputs, targets),
        "value_and_grad": likelihood.value_and_grad(params, outputs, targets),
        "mean": likelihood.mean(params, outputs),
        "variance": likelihood.variance(params, outputs),
    }


def draw(library, likelihood, params, outputs):
    """Return samples; those of counts are drawn on the host."""
    sample = partial(likelihood.sample, key=KEY)
    if isinstance(likelihood, Poisson):
        return sample(params, outputs)
    return call(library, sample, params, outputs)


def to_single(results):
    """Round float64 arrays in dicts and tuples to float32."""
    if isinstance(results, dict):
        return {name: to_single(result) for name, result in results.items()}
    if isinstance(results, tuple):
        return tuple(map(to_single, results))
    return np.float32(results)


@pytest.mark.parametrize("n", [1, 5])
def test_value_is_the_sum_of_nll_over_the_batch(case, n):
    problem = case.problem(n)
    nll = case.likelihood.nll(*problem)
    value, _, _ = case.likelihood.value_and_grad(*problem)
    assert nll.shape == (n,)
    assert value.shape == ()
    np.testing.assert_allclose(value, nll.sum(), rtol=1e-14)


def test_nll_of_an_example_does_not_depend_on_the_others(case):
    params, outputs, targets = case.problem(5)
    whole = case.likelihood.nll(params, outputs, targets)
    part = case.likelihood.nll(params, outputs[2:4], targets[2:4])
    np.testing.assert_allclose(part, whole[2:4], rtol=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_in_a_random_direction(case, seed):
    params, outputs, targets = case.problem(4, seed)
    rng = np.random.default_rng(seed + 100)
    toward = rng.normal(size=outputs.shape)
    toward_params = {k: rng.normal(size=v.shape) for k, v in params.items()}
    step = 1e-5

    def value(t):
        moved = {k: v + t * toward_params[k] for k, v in params.items()}
        return case.likelihood.nll(moved, outputs + t * toward, targets).sum()

    _, d_outputs, dparams = case.likelihood.value_and_grad(params, outputs, targets)
    analytic = np.vdot(d_outputs, toward)
    analytic += sum(np.vdot(dparams[k], toward_params[k]) for k in params)
    numeric = (value(step) - value(-step)) / (2 * step)
    assert dparams.keys() == params.keys()
    assert analytic == pytest.approx(numeric, rel=1e-7, abs=1e-7)


def test_gradient_is_that_of_torch(case):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    params, outputs, targets = case.problem()
    leaves = {name: torch.tensor(p, requires_grad=True) for name, p in params.items()}
    z = torch.tensor(outputs, requires_grad=True)
    t = torch.tensor(targets)
    case.likelihood.nll(leaves, z, t).sum().backward()
    with torch.no_grad():
        _, d_outputs, dparams = case.likelihood.value_and_grad(leaves, z, t)
    np.testing.assert_allclose(d_outputs, z.grad, rtol=1e-12, atol=1e-14)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(dparams[name], leaf.grad, rtol=1e-12, atol=1e-14)


def test_gradient_is_that_of_jax(case):
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    params, outputs, targets = jax.tree.map(jax.numpy.asarray, case.problem())

    @jax.jit
    def both(params, outputs):
        def total(params, outputs):
            return case.likelihood.nll(params, outputs, targets).sum()

        ours = case.likelihood.value_and_grad(params, outputs, targets)
        return ours, jax.grad(total, argnums=(0, 1))(params, outputs)

    (_, ours, ours_params), (dparams, d_outputs) = both(params, outputs)
    np.testing.assert_allclose(ours, d_outputs, rtol=1e-12, atol=1e-14)
    for name, theirs in dparams.items():
        np.testing.assert_allclose(ours_params[name], theirs, rtol=1e-12, atol=1e-14)


def test_same_numbers_in_every_library(case, library):
    problem = case.problem()
    desired = everything(case.likelihood, *problem)
    evaluate = partial(everything, case.likelihood)
    actual = call(library, evaluate, *in_library(library, case, problem))
    assert_same(library, actual, desired, 1e-12)


def test_same_samples_in_every_library(case, library):
    params, outputs, targets = case.problem()
    desired = case.likelihood.sample(params, outputs, KEY)
    arguments = in_library(library, case, (params, outputs, targets))[:2]
    assert_same(library, draw(library, case.likelihood, *arguments), desired, 1e-12)


def test_empty_batch(case, library):
    params, outputs, targets = in_library(library, case, case.problem(0))
    evaluate = partial(everything, case.likelihood)
    results = call(library, evaluate, params, outputs, targets)
    value, d_outputs, dparams = results["value_and_grad"]
    assert tuple(results["nll"].shape) == (0,)
    assert library.to_numpy(value) == 0
    assert tuple(d_outputs.shape) == tuple(outputs.shape)
    assert all(np.all(library.to_numpy(d) == 0) for d in dparams.values())
    sample = draw(library, case.likelihood, params, outputs)
    assert tuple(sample.shape)[:1] == (0,)


def test_results_have_the_dtype_of_the_outputs(case, library):
    params, outputs, targets = case.problem()
    evaluate = partial(everything, case.likelihood)
    desired = evaluate(params, outputs, targets)
    actual = call(
        library,
        evaluate,
        library.tree(params, "float32"),
        library.asarray(outputs, "float32"),
        library.asarray(targets, str(targets.dtype)),
    )
    assert_same(library, actual, to_single(desired), 1e-5)


def test_nan_in_an_output_reaches_its_example_and_no_other(case):
    params, outputs, targets = case.problem()
    outputs[(1, *(0 for _ in case.axes))] = np.nan
    nll = case.likelihood.nll(params, outputs, targets)
    value, d_outputs, _ = case.likelihood.value_and_grad(params, outputs, targets)
    assert np.array_equal(np.isnan(nll), [False, True, False, False, False])
    assert np.isnan(value)
    assert np.isnan(d_outputs[1]).any()
    assert not np.isnan(d_outputs[[0, 2, 3, 4]]).any()


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.kind != "classes"]
)
def test_nan_in_a_target_reaches_its_example(case):
    params, outputs, targets = case.problem()
    targets = targets.astype(np.float64)
    targets[(1, *(0 for _ in targets.shape[1:]))] = np.nan
    nll = case.likelihood.nll(params, outputs, targets)
    assert np.array_equal(np.isnan(nll), [False, True, False, False, False])


def test_samples_have_the_mean_and_the_variance(case):
    params, outputs, _ = case.problem(2)
    count = 10_000
    many = np.repeat(outputs, count, axis=0)
    samples = case.likelihood.sample(params, many, KEY)
    mean = case.likelihood.mean(params, outputs)
    variance = case.likelihood.variance(params, outputs)
    assert mean.shape == variance.shape
    if case.kind in ("classes", "rows"):
        samples = samples[..., None] == np.arange(outputs.shape[-1])
    samples = samples.reshape(2, count, *mean.shape[1:])
    error = 5 * np.sqrt(variance / count) + 1e-12
    assert np.all(np.abs(samples.mean(axis=1) - mean) < error)
    np.testing.assert_allclose(samples.var(axis=1), variance, rtol=0.1, atol=5e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("unit", [None, 0.0, 1 - 2.0**-24])
def test_samples_are_valid_targets(case, dtype, unit, monkeypatch):
    params, outputs, targets = case.problem()
    params = {name: value.astype(dtype) for name, value in params.items()}
    outputs = outputs.astype(dtype)
    if unit is not None:  # the ends of the uniform draw

        def uniform(k, source, shape, like):
            return np.full(shape, unit, like.dtype)

        monkeypatch.setattr(type(kernels_for(outputs)), "uniform", uniform)
    sample = case.likelihood.sample(params, outputs, KEY)
    assert np.all(np.isfinite(case.likelihood.nll(params, outputs, sample)))
    if case.kind != "rows":
        assert sample.shape == targets.shape
    if case.kind not in ("classes", "rows"):
        assert sample.dtype == dtype


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.axes != (1,)])
def test_samples_differ_between_keys(case):
    params, outputs, _ = case.problem(50)
    one, same, other = (
        case.likelihood.sample(params, outputs, vl.key(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_it_pickles_copies_compares_and_hashes(case):
    likelihood = case.likelihood
    for twin in (pickle.loads(pickle.dumps(likelihood)), copy.deepcopy(likelihood)):
        assert twin == likelihood
        assert hash(twin) == hash(likelihood)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_name_makes_a_likelihood_that_is_tested_here(name):
    made = LIKELIHOODS[name]()
    assert any(type(case.likelihood) is type(made) for case in CASES.values())
    assert all(leaf.dtype == np.float32 for leaf in made.init().values())
