"""One trial: what is measured is what the predictions say."""

import numpy as np
import pytest

import varlayers as vl
from varlayers import metrics
from varlayers.demo.data import load
from varlayers.demo.libraries import converter
from varlayers.demo.networks import BAYESIAN, DETERMINISTIC, DROPOUT, networks
from varlayers.demo.trial import Outcome, trial


@pytest.fixture(scope="module")
def digits():
    """A few of each; one batch to learn from, which JAX compiles once."""
    host = load(0)
    inputs = {kind: x[:40] for kind, x in host.inputs.items()}
    return host._replace(
        x=host.x[:128],
        targets=host.targets[:128],
        inputs=inputs,
        answers=host.answers[:40],
    )


def outcome_of(name, digits, epochs=2):
    elbo = networks(len(digits.targets), model="mlp", estimator="local", beta=0.1)[name]
    return trial(elbo, digits, key=vl.key(0), epochs=epochs, progress=False)


@pytest.fixture(scope="module")
def bayesian(digits):
    return outcome_of(BAYESIAN, digits)


def test_figures_are_those_of_the_probabilities(digits, bayesian):
    p, answers = bayesian.probabilities, digits.answers
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert bayesian.accuracy == 1 - bayesian.wrong.mean()
    assert bayesian.nll == metrics.nll(p, answers)
    error = metrics.expected_calibration_error(p, answers)
    assert bayesian.calibration_error == error


def test_interval_holds_most_of_the_mass_of_the_samples(bayesian):
    assert np.all(bayesian.lower <= bayesian.upper)
    inside = (bayesian.lower <= bayesian.probabilities) & (
        bayesian.probabilities <= bayesian.upper
    )
    assert inside.mean() > 0.95


def test_doubt_of_random_weights_is_mutual_information(bayesian):
    assert bayesian.measure == "mutual information"
    assert all(np.all(d >= 0) for d in bayesian.doubt.values())
    assert all(np.all(d <= np.log(10)) for d in bayesian.doubt.values())


def test_doubt_without_uncertainty_is_entropy(digits):
    outcome = outcome_of(DETERMINISTIC, digits)
    p = outcome.probabilities
    assert outcome.measure == "entropy"
    entropy = -np.sum(p * np.log(p), axis=1)
    np.testing.assert_allclose(outcome.doubt["digits"], entropy, rtol=1e-4)
    np.testing.assert_array_equal(outcome.lower, outcome.upper)


def test_separation_is_between_digits_and_the_rest():
    empty = np.zeros((2, 10))
    outcome = Outcome(
        *(empty, empty, empty, np.array([True, False]), "entropy"),
        doubt={
            "digits": np.array([0.1, 0.4]),
            "shuffled": np.array([0.5]),
            "noise": np.array([0.2]),
        },
        accuracy=0.5,
        nll=0.0,
        calibration_error=0.0,
    )
    np.testing.assert_array_equal(outcome.non_digits, [0.5, 0.2])
    assert outcome.separation == 0.75


def test_networks_learn(digits):
    outcome = outcome_of(BAYESIAN, digits, epochs=60)
    assert outcome.accuracy > 0.7
    assert outcome.separation > 0.8


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_runs_on_other_libraries_to_the_same_outcome(name, digits):
    pytest.importorskip(name)
    outcome = outcome_of(DROPOUT, digits.moved(converter(name)))
    expected = outcome_of(DROPOUT, digits)
    np.testing.assert_allclose(outcome.probabilities, expected.probabilities, atol=1e-4)
    assert isinstance(outcome.doubt["noise"], np.ndarray)
