import numpy as np
import pytest
from scipy.stats import matrix_normal
from support.moments import assert_mean

from varlayers.dispatch import kernels_for
from varlayers.posteriors import MatrixNormal
from varlayers.random import key

RNG = np.random.default_rng(0)
POSTERIOR = MatrixNormal(shift=0.0)
K = kernels_for(np.zeros(1))


def example(shape):
    """Return parameters, q, and the matrix's covariances of rows and columns."""
    params = {name: RNG.normal(size=of) for name, of in POSTERIOR.shapes(shape).items()}
    factors = [
        np.tril(params[f"{side}_lower"], -1)
        + np.diag(np.logaddexp(params[f"{side}_rho"], 0))
        for side in ("row", "column")
    ]
    q = POSTERIOR.constrain(K, params)
    return params, q, *(factor @ factor.T for factor in factors)


@pytest.mark.parametrize(
    ("shape", "matrix"), [((3, 2), (3, 2)), ((2, 1, 3, 2), (6, 2)), ((4,), (1, 4))]
)
def test_density_is_that_of_scipy(shape, matrix):
    params, q, rows, columns = example(shape)
    assert (len(rows), len(columns)) == matrix
    desired = matrix_normal(params["loc"].reshape(matrix), rows, columns)
    eps = RNG.normal(size=shape)
    w = POSTERIOR.sample(K, q, eps).reshape(matrix)
    actual, _ = POSTERIOR.log_density_at(K, q, eps)
    assert actual == pytest.approx(desired.logpdf(w), rel=1e-11)
    assert POSTERIOR.entropy(K, q)[0] == pytest.approx(desired.entropy(), rel=1e-11)


def test_samples_have_the_covariances_of_rows_and_columns():
    params, q, rows, columns = example((3, 2))
    noise = RNG.normal(size=(20_000, 3, 2))
    off = np.array([POSTERIOR.sample(K, q, eps) for eps in noise]) - params["loc"]
    products = off[:, :, :, None, None] * off[:, None, None, :, :]
    assert_mean(products, np.einsum("ij,op->iojp", rows, columns))


def test_starts_as_a_mean_field_normal():
    loc = np.zeros((2, 50, 4))
    posterior = MatrixNormal()
    params = posterior.init(K, key(0), loc, fan_in=100)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    np.testing.assert_allclose(variance, 0.01**2, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 2), (3, 2, 2), (2, 6)])
def test_refuses_a_large_weight(shape):
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    message = (
        r"^MatrixNormal expected a weight of at most `max_size` = 5 rows and columns, "
        rf"got shape \({str(shape)[1:-1]}\): {rows} rows and {columns} columns\. "
        r"Choose LowRankNormal, or raise `max_size`\.$"
    )
    with pytest.raises(ValueError, match=message):
        MatrixNormal(max_size=5).shapes(shape)


def test_refuses_a_size_that_is_none():
    with pytest.raises(
        ValueError, match=r"MatrixNormal expected an integer `max_size`"
    ):
        MatrixNormal(max_size=0)
