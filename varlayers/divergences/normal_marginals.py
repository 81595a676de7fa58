"""KL divergence of a posterior with normal elements from independent weights.

A prior of independent weights sees each element of the posterior alone, N(m, s²):

    forward                             backward
    KL = -H - Σ E log p(m + s t)        d = -dH - (the moments' backward of dm, dv)
    v  = s²                             dv = ds / 2s    (0 where s = 0)

with t ~ N(0, 1) and the entropy H of the posterior as a whole, whose elements may
depend on one another. What E log p is, and its gradients dm and ds, is left to the
caller: a formula or quadrature. So elements of any family will do that m and s fix, if
the caller knows it.

Shapes: m, v, s and E log p have the weight's shape. In nats, summed over the elements.
"""

from collections.abc import Callable
from typing import TypeAlias, cast

from varlayers.kernels import Kernels
from varlayers.types import (
    Array,
    Comparison,
    ElementwisePrior,
    Params,
    Posterior,
    RandomPosterior,
)

__all__ = ["Expected", "has_normal_marginals", "kl_of_marginals"]

Expected: TypeAlias = tuple[Array, Array, Array, dict[str, Array]]


def has_normal_marginals(posterior: Posterior) -> bool:
    """Whether each element is normal and the entropy known."""
    flags = ("normal_elements", "has_density")
    return all(getattr(posterior, flag, False) for flag in flags)


def kl_of_marginals(
    k: Kernels,
    pair: Comparison,
    weight: float,
    dparams: Params,
    expected: Callable[[Array, Array], Expected],
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return the divergence and weight * its gradient, the posterior's part added.

    Args:
        k: the kernels.
        pair: posterior and prior.
        weight: of the gradient.
        dparams: what the gradient is added to.
        expected: from m and s, E log p of each element and its gradients by m, s and
            the prior's parameters, all of the weight's shape.
    """
    xp = k.xp
    posterior = cast("RandomPosterior", pair.posterior)
    prior = cast("ElementwisePrior", pair.prior)
    m, v = posterior.moments(k, pair.q)
    s = xp.sqrt(v)
    log_p, dm, ds, dprior = expected(m, s)
    dv = xp.where(s > 0, 0.5 * ds / xp.where(s > 0, s, xp.ones_like(s)), 0 * s)
    dq = posterior.moments_backward(k, pair.q, dm, dv)
    entropy, dentropy = posterior.entropy(k, pair.q)
    grads = {
        name: grad - weight * (dq[name] + dentropy[name])
        for name, grad in dparams.items()
    }
    dprior = {n: -weight * d for n, d in prior.sum_to_shapes(k, dprior).items()}
    return -entropy - xp.sum(log_p), grads, dprior
