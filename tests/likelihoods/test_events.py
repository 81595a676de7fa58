"""The checks that every likelihood shares, reached through one of them."""

import numpy as np
import pytest
from support.likelihoods import CASES

from varlayers.likelihoods import Bernoulli, Categorical

BERNOULLI = Bernoulli()


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    return request.param


def every_method(case, params, outputs, targets):
    likelihood = case.likelihood
    yield lambda: likelihood.nll(params, outputs, targets)
    yield lambda: likelihood.value_and_grad(params, outputs, targets)


def test_outputs_of_integers_are_refused(case):
    params, outputs, targets = case.problem()
    outputs = outputs.astype(np.int64)
    name = type(case.likelihood).__name__
    for method in every_method(case, params, outputs, targets):
        with pytest.raises(TypeError, match=f"{name} expected `outputs` of a floating"):
            method()
    for method in (case.likelihood.mean, case.likelihood.variance):
        with pytest.raises(TypeError, match=f"{name} expected `outputs` of a floating"):
            method(params, outputs)
    with pytest.raises(TypeError, match=f"{name} expected `outputs` of a floating"):
        case.likelihood.sample(params, outputs, None)


def test_targets_that_would_broadcast_are_refused(case):
    params, outputs, targets = case.problem()
    name = type(case.likelihood).__name__
    for wrong in (targets[:1], targets[..., None, None]):
        for method in every_method(case, params, outputs, wrong):
            with pytest.raises(ValueError, match=f"{name} expected `targets` of shape"):
                method()


def test_complex_targets_are_refused(case):
    params, outputs, targets = case.problem()
    name = type(case.likelihood).__name__
    for method in every_method(case, params, outputs, targets.astype(complex)):
        with pytest.raises(TypeError, match=f"{name} expected `targets` of kind"):
            method()


def test_message_of_a_column_of_targets():
    with pytest.raises(
        ValueError,
        match=r"Bernoulli expected `targets` of shape \(3,\), got \(3, 1\)\. "
        r"Nothing is broadcast: reshape one of the two\.",
    ):
        BERNOULLI.nll({}, np.zeros(3), np.zeros((3, 1)))


def test_targets_of_another_library_are_refused():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(
        TypeError,
        match=r"expected `targets` of the library of the outputs, numpy, got Tensor",
    ):
        BERNOULLI.nll({}, np.zeros(3), torch.zeros(3))


def test_a_list_is_refused():
    with pytest.raises(TypeError, match=r"Expected an array .* got list"):
        BERNOULLI.nll({}, np.zeros(2), [0, 1])


def test_outputs_without_an_axis_of_examples_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(n, \.\.\.\), got \(\)"):
        BERNOULLI.mean({}, np.zeros(()))


@pytest.mark.parametrize("shape", [(3,), (3, 0)])
def test_outputs_without_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"of shape \(n, \.\.\., channels\), got \(3,"):
        Categorical().mean({}, np.zeros(shape))
