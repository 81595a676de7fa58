"""varlayers on NumPy arrays, or CuPy's, with whatever kernels are active there.

`TrainingStep`, as in a loop of one's own; `fit` and `predict` for the runs as a whole.
"untraced" is the same loop by `value_and_grad` and `update`. `predict` also gives
variances and entropies, which the peers are not asked for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import varlayers as vl
from benchmarks.devices import place, wait
from benchmarks.workloads import (
    BETA1,
    BETA2,
    EPS,
    NOISE,
    RATE,
    Layer,
    Unsupported,
    Workload,
)
from varlayers.dispatch import kernels_for

AFTER = {
    "relu": lambda: vl.Activation("relu"),
    "pool": lambda: vl.MaxPool(2),
    "flatten": vl.Flatten,
}


def describe() -> str:
    """Return the version and the kernels in use."""
    kernels = kernels_for(place(np.zeros(0, np.float32)))
    return (
        f"varlayers {vl.__version__}, {type(kernels).__name__}, NumPy {np.__version__}"
    )


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    x, targets = map(place, workload.data())
    if mode == "untraced" and workload.what != "step":
        msg = f"{mode} is for training steps"
        raise Unsupported(msg)
    if workload.what == "layer":
        return layer_step(workload, estimator, x, targets)
    model = vl.Sequential(list(parts(workload, estimator)))
    noise = vl.Normal(scale=NOISE) if workload.is_regression else vl.Categorical()
    elbo = vl.ELBO(model, noise, num_data=workload.num_data)
    params, optimizer = initial(elbo, workload), vl.Adam(RATE, BETA1, BETA2, EPS)
    if workload.what == "predict":
        return predict_step(elbo, params, x, workload.samples)
    if workload.what == "fit":
        return fit_step(elbo, workload, x, targets, optimizer)
    state, key = optimizer.init(params), vl.key(1)
    train: Any = vl.TrainingStep(elbo, optimizer)
    if mode == "untraced":
        train = partial(by_hand, elbo, optimizer)

    def step() -> float:
        nonlocal params, state
        params, state, loss = train(
            params, state, x, targets, key=key, step=state["step"]
        )
        return float(loss.loss)

    return step


def by_hand(
    elbo: vl.ELBO,
    adam: Any,
    params: Any,
    state: Any,
    x: Any,
    targets: Any,
    *,
    key: Any,
    step: int,
) -> Any:
    """Return what `TrainingStep` does, by the functions that it is made of."""
    noise_key = vl.fold_in(key, step)
    loss, grads = elbo.value_and_grad(params, x, targets, noise_key, step=step)
    return *adam.update(grads, state, params), loss


def parts(workload: Workload, estimator: str) -> Any:
    """Yield the layers and what follows them."""
    for layer in workload.layers:
        yield built(layer, estimator)
        for name in layer.then:
            yield AFTER[name]()


def built(layer: Layer, estimator: str) -> Any:
    """Return the layer."""
    channels, rule = (layer.inputs, layer.outputs), {"estimator": estimator}
    if not layer.filter:
        return vl.Dense(*channels, **rule)
    if not layer.transposed:
        return vl.Convolution(*channels, layer.filter, padding="same", **rule)
    padding = [layer.crop] * len(layer.filter)
    return vl.ConvolutionTranspose(
        *channels,
        layer.filter,
        strides=layer.stride,
        padding=padding,
        output_padding=0,
        **rule,
    )


def initial(elbo: vl.ELBO, workload: Workload) -> Any:
    """Return the parameters that all peers start from."""
    like, numbers = place(np.zeros(0, np.float32)), iter(workload.parameters())
    params = elbo.init(vl.key(0), like)
    for part in params["model"].values():
        if part:
            part.update(named(*next(numbers)))
    return params


def named(loc: Any, rho: Any, bias: Any) -> dict[str, Any]:
    """Return the parameters of one layer."""
    loc, rho, bias = map(place, (loc, rho, bias))
    return {"kernel": {"loc": loc, "rho": rho}, "bias": {"loc": bias}}


def layer_step(workload: Workload, estimator: str, x: Any, dy: Any) -> Any:
    """Return draw, forward and backward of a single layer."""
    layer, count = built(workload.layers[0], estimator), 0
    params = named(*workload.parameters()[0])

    def step() -> tuple[Any, ...]:
        nonlocal count
        count += 1
        noise = layer.draw(vl.fold_in(vl.key(1), count), x.shape, x)
        y, saved = layer.forward(params, x, noise)
        dx, dparams = layer.backward(saved, dy)
        wait()
        return y, dx, dparams["kernel"]["loc"], dparams["kernel"]["rho"]

    return step


def predict_step(elbo: vl.ELBO, params: Any, x: Any, samples: int) -> Any:
    """Return the prediction of the whole set of inputs."""

    def step() -> Any:
        mean = vl.predict(elbo, params, x, key=vl.key(1), num_samples=samples).mean
        wait()
        return mean

    return step


def fit_step(elbo: vl.ELBO, workload: Workload, x: Any, targets: Any, adam: Any) -> Any:
    """Return a whole training run; its result is the last epoch's loss."""

    def step() -> float:
        state = vl.fit(
            elbo,
            x,
            targets,
            key=vl.key(0),
            epochs=workload.epochs,
            batch_size=workload.batch,
            optimizer=adam,
            progress=False,
        )
        return state["history"]["loss"][-1]

    return step
