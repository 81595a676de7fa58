"""The checks that metrics share, reached through the metrics themselves."""

import numpy as np
import pytest

from varlayers import metrics

P, T = np.asarray([[0.2, 0.8], [0.7, 0.3]]), np.asarray([1, 1])
Y = np.asarray([1.0, 2.0])
CLASSIFICATION = (
    metrics.accuracy,
    metrics.nll,
    metrics.brier,
    metrics.reliability,
    metrics.expected_calibration_error,
)
REGRESSION = {
    metrics.rmse: {"predictions": Y, "targets": Y},
    metrics.interval_coverage: {"lower": Y, "upper": Y, "targets": Y},
    metrics.crps_normal: {"mean": Y, "scale": Y, "targets": Y},
    metrics.crps_ensemble: {"samples": P, "targets": Y},
    metrics.normal_mixture_nll: {"means": P, "scales": P, "targets": Y},
    metrics.auroc: {"negative_scores": Y, "positive_scores": Y},
}
ARGUMENTS = [(metric, name) for metric in REGRESSION for name in REGRESSION[metric]]


FIGURES = [metric for metric in CLASSIFICATION if metric is not metrics.reliability]


def concatenated(result):
    """Return a figure, or the arrays of a reliability, as one array."""
    return np.hstack(result) if isinstance(result, tuple) else result


@pytest.fixture(params=CLASSIFICATION, ids=lambda metric: metric.__name__)
def classifying(request):
    return request.param


def test_every_metric_is_checked_here():
    tested = {metric.__name__ for metric in (*CLASSIFICATION, *REGRESSION)}
    assert tested == set(metrics.__all__) - {"Reliability"}


@pytest.mark.parametrize(("metric", "name"), ARGUMENTS)
def test_empty_arrays_are_refused(metric, name):
    wrong = REGRESSION[metric] | {name: np.zeros((0, 2))}
    with pytest.raises(
        ValueError,
        match=rf"{metric.__name__} expected `{name}` with elements, got shape \(0, 2\)",
    ):
        metric(**wrong)


@pytest.mark.parametrize(("metric", "name"), ARGUMENTS)
def test_complex_arrays_are_refused(metric, name):
    wrong = REGRESSION[metric] | {name: np.zeros(2, complex)}
    with pytest.raises(TypeError, match=rf"expected real `{name}`, got complex128"):
        metric(**wrong)


@pytest.mark.parametrize(("metric", "name"), ARGUMENTS)
def test_lists_are_refused(metric, name):
    wrong = REGRESSION[metric] | {name: [1.0, 2.0]}
    with pytest.raises(TypeError, match="Expected an array"):
        metric(**wrong)


@pytest.mark.parametrize(("metric", "name"), ARGUMENTS)
def test_nan_gives_nan(metric, name):
    right = REGRESSION[metric]
    spoiled = right[name].copy()
    spoiled[(0,) * spoiled.ndim] = np.nan
    assert np.isnan(metric(**right | {name: spoiled}))


@pytest.mark.parametrize("metric", REGRESSION, ids=lambda metric: metric.__name__)
def test_same_figure_from_every_library(metric, library):
    arguments = REGRESSION[metric]
    moved = {name: library.asarray(value) for name, value in arguments.items()}
    figure = metric(**moved)
    assert type(figure) is float
    assert figure == metric(**arguments)


@pytest.mark.parametrize("rows", [False, True])
def test_same_figure_of_classes_from_every_library(classifying, library, rows):
    t, dtype = (np.eye(2)[T], "float64") if rows else (T, "int32")
    desired = classifying(P, T)
    actual = classifying(library.asarray(P), library.asarray(t, dtype))
    assert type(actual) is type(desired)
    np.testing.assert_array_equal(concatenated(actual), concatenated(desired))


@pytest.mark.parametrize("metric", FIGURES)
def test_single_precision_gives_a_float(metric, library):
    single = metric(library.asarray(P, "float32"), library.asarray(T, "int64"))
    assert type(single) is float
    assert single == pytest.approx(metric(P, T), rel=1e-6)


def test_figures_are_computed_in_double_precision():
    far = np.asarray([300.0], np.float16)  # its square is beyond float16
    assert metrics.rmse(far, np.zeros_like(far)) == 300


def test_leading_axes_are_rows(classifying):
    rng = np.random.default_rng(0)
    p, t = rng.dirichlet(np.ones(3), size=(4, 5)), rng.integers(3, size=(4, 5))
    flat = concatenated(classifying(p.reshape(20, 3), t.reshape(20)))
    np.testing.assert_array_equal(concatenated(classifying(p, t)), flat)
    np.testing.assert_array_equal(concatenated(classifying(p, np.eye(3)[t])), flat)


def test_empty_probabilities_and_targets_are_refused(classifying):
    name = classifying.__name__
    with pytest.raises(ValueError, match=f"{name} expected `probabilities` with elem"):
        classifying(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ValueError, match=f"{name} expected `targets` with elements"):
        classifying(P, np.zeros(0, int))


def test_a_row_alone_is_refused(classifying):
    with pytest.raises(ValueError, match=r"of shape \(n, classes\), got \(2,\)"):
        classifying(P[0], T[0])


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 3), (4,)])
def test_targets_of_another_shape_are_refused(classifying, shape):
    with pytest.raises(
        ValueError, match=r"`targets` of shape \(2,\) or \(2, 2\), got \("
    ):
        classifying(P, np.zeros(shape, int))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.asarray([[2.0, -1.0], [0.5, 0.5]]), "least of -1 and sums from 1 to 1"),
        (np.asarray([[0.2, 0.2], [0.5, 0.5]]), "least of 0.2 and sums from 0.4 to 1"),
        (np.asarray([[2.0, 3.0], [np.nan, 0]]), "least of 0 and sums from 5 to 5"),
    ],
)
def test_what_is_no_probability_is_refused(classifying, wrong, message):
    name = classifying.__name__
    with pytest.raises(
        ValueError, match=rf"{name} .* `probabilities` >= 0 .*{message}"
    ):
        classifying(wrong, T)
    with pytest.raises(ValueError, match=rf"{name} .* `targets` >= 0 .*{message}"):
        classifying(P, wrong)


def test_indices_that_are_no_integers_are_refused(classifying):
    with pytest.raises(TypeError, match=r"of an integer dtype, got float64"):
        classifying(P, T.astype(float))


@pytest.mark.parametrize(
    ("wrong", "range_"), [([0, 2], "0 to 2"), ([-1, 1], "-1 to 1")]
)
def test_indices_out_of_range_are_refused(classifying, wrong, range_):
    with pytest.raises(ValueError, match=f"`targets` from 0 to 1, got {range_}"):
        classifying(P, np.asarray(wrong))


@pytest.mark.parametrize("metric", FIGURES)
@pytest.mark.parametrize("argument", ["probabilities", "targets"])
def test_nan_gives_nan_in_classification(metric, argument):
    arguments = {"probabilities": P.copy(), "targets": np.eye(2)[T]}
    arguments[argument][0, 0] = np.nan
    assert np.isnan(metric(**arguments))
