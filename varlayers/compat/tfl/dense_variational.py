"""`DenseVariational`: one posterior over kernel and bias together.

    forward                    backward
    x′ = [x, 1]                dx = dx′ without its last column
    y = activation(x′ w)       dx′, dw = the dense layer's, of dy

so that w (in + 1, units) holds the kernel, row by row, and then the bias, as the flat
vector of `tfp.layers` does. A posterior with dependent elements so joins the two.
"""

from collections.abc import Mapping
from typing import Any

from varlayers.checks import check_size, lookup
from varlayers.compat.tfl.base import VariationalLayer
from varlayers.dispatch import kernels_for
from varlayers.estimators import Reparameterization
from varlayers.layers.dense import Dense
from varlayers.posteriors import POSTERIORS
from varlayers.priors import PRIORS
from varlayers.random import Source
from varlayers.types import Array, Shape

__all__ = ["DenseVariational"]


class DenseVariational(VariationalLayer):
    """A dense layer with one posterior and one prior over kernel and bias together.

    Args:
        units: size of the output, >= 1.
        make_posterior_fn: a posterior of varlayers, its name, or a function of
            (kernel_size, bias_size, dtype) that returns one; bias_size is 0 without a
            bias. Locations start at 0.
        make_prior_fn: the same for the prior.
        kl_weight: factor of the divergence; None for 1.
        kl_use_exact: take the best divergence there is, not a sample of it: the one
            that the output is made of.
        activation: "relu", …, or an `Elementwise` pair; None for none.
        use_bias: whether there is a bias.
        activity_regularizer: of the output: `L1L2`, or its like.
        trainable: whether the way back gives gradients of the parameters.
        name: as for the other layers.
        dtype: as for the other layers.
        seed: as for the other layers.

    Raises:
        TypeError: if a function has no gradient, or returns no posterior or prior.
        ValueError: if a number is out of range or a name unknown.
    """

    _arguments = (
        *("units", "make_posterior_fn", "make_prior_fn", "kl_weight", "kl_use_exact"),
        "use_bias",
    )

    def __init__(
        self,
        units: int,
        make_posterior_fn: Any,
        make_prior_fn: Any,
        kl_weight: float | None = None,
        kl_use_exact: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        activity_regularizer: Any = None,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        seed: int | Source | None = None,
    ) -> None:
        check_size("DenseVariational", "units", units)
        self.units, self.use_bias = units, use_bias
        self.make_posterior_fn, self.make_prior_fn = make_posterior_fn, make_prior_fn
        self.kl_weight, self.kl_use_exact = kl_weight, kl_use_exact
        super().__init__(
            *(activation, activity_regularizer, trainable),
            name=name,
            dtype=dtype,
            seed=seed,
            kernel_posterior_fn="normal",
            bias_posterior_fn=None,
        )

    def _make(self, input_shape: Shape, settings: dict[str, Any]) -> Dense:
        size = input_shape[-1]
        sizes = (size * self.units, self.units * self.use_bias, self.dtype)
        return Dense(
            *(size + self.use_bias, self.units),
            estimator=Reparameterization(),
            posterior=_made("posterior", self.make_posterior_fn, POSTERIORS, sizes),
            prior=_made("prior", self.make_prior_fn, PRIORS, sizes),
            bias=None,
            kernel_initializer="zeros",
            divergence=None if self.kl_use_exact else "monte carlo",
            divergence_weight=1.0 if self.kl_weight is None else self.kl_weight,
        )

    def _configured(self) -> dict[str, Any]:
        return {}

    def _shape_seen(self, shape: Shape) -> Shape:
        return (*shape[:-1], shape[-1] + self.use_bias)

    def _seen(self, x: Array) -> Array:
        if not self.use_bias:
            return x
        xp = kernels_for(x).xp
        return xp.concat([x, xp.ones_like(x[..., :1])], axis=-1)

    def _unseen(self, dx: Array) -> Array:
        return dx[..., :-1] if self.use_bias else dx


def _made(
    kind: str, value: Any, table: Mapping[str, Any], sizes: tuple[Any, ...]
) -> Any:
    """Return the posterior or prior that is meant."""
    attribute = {"posterior": "constrain", "prior": "shapes"}[kind]
    found = lookup("DenseVariational", f"make_{kind}_fn", value, table)
    if not hasattr(found, attribute) and callable(found):
        found = found(*sizes)
        found = lookup("DenseVariational", f"make_{kind}_fn", found, table)
    if hasattr(found, attribute):
        return found
    msg = (
        f"DenseVariational expected `make_{kind}_fn` to be a {kind} of varlayers, or a "
        f"function of (kernel_size, bias_size, dtype) that returns one, got {found!r}. "
        f"Choose one of {sorted(table)}, or write one, as in docs/how-to/extend.md."
    )
    raise TypeError(msg)
