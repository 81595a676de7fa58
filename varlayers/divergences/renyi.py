"""Rényi's alpha-divergence by quadrature: independent normals, any elementwise prior.

    D_α(q ‖ p) = log ∫ q^α p^(1-α) / (α - 1),    0 < α < 1

q^α is, up to a constant, a normal of scale s / √α, so the nodes t_j and weights ω_j of
N(0, 1) give, element by element,

    forward                                        backward
    w_j = m + s t_j / √α                           dm = -Σ_j r_j ∂log p(w_j)
    l_j = log ω_j + (1 - α) log p(w_j)             ds = -Σ_j r_j t_j / √α ∂log p(w_j)
    M = log(Σ_j exp(l_j)) / (1 - α)                r_j = exp(l_j) / Σ_i exp(l_i)
    D = -H + 1/2 + log(α) / (2 (1 - α)) - M

the prior's parameters as m. With 1/2 + log(α) / (2 (1 - α)) - M in the place of
-E log p it is `normal_marginals`, which has the rest. As α rises to 1 it becomes the KL
divergence; a smaller α punishes less where p is small and q is not, so the posterior is
wider. From 1 on it is infinite where q has the heavier tails, and not offered.

Shapes: m, s, w_j, l_j and r_j have the weight's shape. The sum over j runs node by node
about its largest term so far. In nats, summed over the elements, which is the
divergence of the whole, as both are independent.

Reference: Li & Turner (2016), "Rényi divergence variational inference",
arXiv:1602.02311.
"""

import math
from dataclasses import dataclass
from typing import cast

from varlayers.divergences.normal_marginals import Expected, kl_of_marginals
from varlayers.divergences.quadrature import Quadrature, normal_nodes
from varlayers.kernels import Kernels
from varlayers.types import (
    Array,
    Comparison,
    ElementwisePrior,
    Params,
    Posterior,
    Prior,
)

__all__ = ["Renyi"]


@dataclass(frozen=True)
class Renyi:
    """Alpha-divergence by Gauss-Hermite quadrature, element by element. No noise.

    Args:
        alpha: in (0, 1); near 1 it is the KL divergence.
        order: the number of nodes, from 1 to 256.

    Raises:
        ValueError: if an argument is out of range.
    """

    alpha: float = 0.5
    order: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            msg = (
                f"Renyi expected `alpha` in (0, 1), got {self.alpha}. "
                "For 1, the KL divergence, leave out the divergence."
            )
            raise ValueError(msg)
        Quadrature(self.order)

    def needs(self, posterior: Posterior, prior: Prior) -> str | None:
        if not getattr(posterior, "independent", False):
            return "a posterior of independent normals"
        return Quadrature(self.order).needs(posterior, prior)

    def __call__(
        self, k: Kernels, pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        xp, prior = k.xp, cast("ElementwisePrior", pair.prior)
        rest, root = 1 - self.alpha, math.sqrt(self.alpha)
        constant = 0.5 + 0.5 * math.log(self.alpha) / rest

        def expected(m: Array, s: Array) -> Expected:
            largest, total, dm, ds = xp.full_like(m, -math.inf), 0 * m, 0 * m, 0 * m
            dprior = dict.fromkeys(pair.prior_params, 0 * m)
            for t, omega in normal_nodes(self.order):
                log_p, dw, dparts = prior.log_density(
                    k, pair.prior_params, m + s * (t / root), pair.fan_in
                )
                log = math.log(omega) + rest * log_p
                above = xp.maximum(largest, log)
                old, new = xp.exp(largest - above), xp.exp(log - above)
                total, dm = old * total + new, old * dm + new * dw
                ds = old * ds + new * (t / root) * dw
                dprior = {n: old * d + new * dparts[n] for n, d in dprior.items()}
                largest = above
            value = (largest + xp.log(total)) / rest - constant
            dprior = {n: d / total for n, d in dprior.items()}
            return value, dm / total, ds / total, dprior

        return kl_of_marginals(k, pair, weight, dparams, expected)
