"""NumPyro: SVI with a mean-field guide and analytic divergences, its update jitted.

The fastest form known: `TraceMeanField_ELBO`, a normal guide by hand (AutoNormal is the
same with names), the state donated. Its loss is the sum over the data, here divided
back; to Adam that makes no difference.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jax import Array
from numpyro import distributions as dist
from numpyro.infer import SVI, TraceMeanField_ELBO

from benchmarks.peers import jax_step
from benchmarks.workloads import BETA1, BETA2, EPS, NOISE, RATE, Unsupported, Workload


def describe() -> str:
    """Return the versions."""
    return f"NumPyro {numpyro.__version__}, JAX {jax.__version__}"


def make_model(workload: Workload, numbers: Any) -> tuple[Any, Any]:
    """Return model and guide."""

    def model(x: Array, targets: Array) -> None:
        for index, layer in enumerate(workload.layers):
            prior = dist.Normal(0.0, 1.0).expand(layer.kernel_shape)
            w = numpyro.sample(f"w{index}", prior.to_event(len(layer.kernel_shape)))
            bias = numpyro.param(f"bias{index}", numbers[index][2])
            x = jax_step.product(layer, x, w) + bias
            for name in layer.then:
                x = jax_step.AFTER[name](x)
        with numpyro.handlers.scale(scale=workload.num_data / workload.batch):
            likelihood = (
                dist.Normal(x, NOISE).to_event(1)
                if workload.is_regression
                else dist.Categorical(logits=x)
            )
            numpyro.sample("targets", likelihood, obs=targets)

    def guide(x: Array, targets: Array) -> None:
        positive = dist.constraints.softplus_positive
        for index, (loc, rho, _) in enumerate(numbers):
            scale = jax.nn.softplus(rho)
            loc = numpyro.param(f"loc{index}", loc)
            scale = numpyro.param(f"scale{index}", scale, constraint=positive)
            numpyro.sample(f"w{index}", dist.Normal(loc, scale).to_event(loc.ndim))

    return model, guide


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    if estimator != "reparameterization" or workload.what != "step":
        msg = "NumPyro is run for training steps with reparameterization"
        raise Unsupported(msg)
    x, targets = map(jnp.asarray, workload.data())
    model, guide = make_model(workload, jax_step.parameters(workload))
    adam = numpyro.optim.Adam(RATE, BETA1, BETA2, EPS)
    svi = SVI(model, guide, adam, TraceMeanField_ELBO())
    state = svi.init(jax.random.key(0), x, targets)
    update = jax.jit(svi.update, donate_argnums=0)

    def step() -> float:
        nonlocal state
        state, loss = update(state, x, targets)
        return float(loss) / workload.num_data

    return step
