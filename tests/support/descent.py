"""A small descent problem, with leaves of several shapes, for the optimizers' tests."""

import numpy as np

from varlayers.tree import items, map_leaves, unflatten

SHAPES = {
    "dense.kernel.loc": (3, 2),
    "dense.kernel.rho": (3, 2),
    "wide": (64, 65),  # so large that the NumPy kernels work in place
    "bias": (2,),
    "s": (),
}


def start(dtype="float64"):
    """Return the initial parameters, as NumPy arrays."""
    rng = np.random.default_rng(1)
    return unflatten(
        {
            name: np.array(rng.normal(size=shape), dtype)
            for name, shape in SHAPES.items()
        }
    )


def gradient(params, step):
    """Return a gradient that depends on the place and changes from step to step."""
    return map_leaves(
        lambda p: np.asarray(np.sin(3 * p) + 0.3 * p + np.cos(1.7 * step), p.dtype),
        params,
    )


def descend(optimizer, steps, library=None, dtype="float64", after_step=lambda t: t):
    """Return parameters and state after some steps, on NumPy or a library's arrays."""
    move = (lambda tree: tree) if library is None else lambda t: library.tree(t, dtype)
    host = (lambda tree: tree) if library is None else lambda t: to_host(library, t)
    params = move(start(dtype))
    state = optimizer.init(params)
    for step in range(steps):
        grads = move(gradient(host(params), step))
        params, state = optimizer.update(grads, state, params)
        params, state = after_step(params), after_step(state)
    return host(params), host(state)


def to_host(library, tree):
    """Return the arrays of a tree as NumPy arrays and its integers as they are."""
    return map_leaves(
        lambda leaf: leaf if isinstance(leaf, int) else library.to_numpy(leaf), tree
    )


def with_torch(make, steps):
    """Return NumPy parameters after some steps of make([tensors]), a torch optimizer.

    `make` may return an optimizer or an (optimizer, learning-rate scheduler) pair.
    """
    import torch

    named = {name: torch.tensor(leaf) for name, leaf in items(start())}
    made = make(list(named.values()))
    optimizer, scheduler = made if isinstance(made, tuple) else (made, None)
    for step in range(steps):
        for tensor in named.values():
            grad = gradient({"p": tensor.detach().numpy()}, step)["p"]
            tensor.grad = torch.tensor(grad)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return unflatten({name: tensor.numpy() for name, tensor in named.items()})


def with_optax(transform, steps):
    """Return NumPy parameters after some steps of an optax transformation."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    params = jax.tree.map(jax.numpy.asarray, start())
    state = transform.init(params)
    for step in range(steps):
        grads = jax.tree.map(
            jax.numpy.asarray, gradient(jax.tree.map(np.asarray, params), step)
        )
        updates, state = transform.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return jax.tree.map(np.asarray, params)


def assert_close(actual, desired, tolerance):
    """Compare two trees leaf by leaf, absolutely."""
    actual, desired = dict(items(actual)), dict(items(desired))
    assert actual.keys() == desired.keys()
    for name, leaf in desired.items():
        np.testing.assert_allclose(
            actual[name], leaf, rtol=0, atol=tolerance, err_msg=name
        )
