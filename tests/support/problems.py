"""One forward pass of a layer with everything that it needs, on any library."""

from typing import Any, NamedTuple

import numpy as np

from support.libraries import assert_same
from varlayers.random import key
from varlayers.tree import items, map_leaves, unflatten
from varlayers.types import Layer


class Problem(NamedTuple):
    """A layer, its arguments, and the gradient of some loss by its output."""

    layer: Layer
    params: dict[str, Any]
    x: Any
    noise: dict[str, Any]
    dy: Any

    def on(self, library, dtype="float64"):
        """Return the same problem with arrays of another library."""
        return Problem(self.layer, *(library.tree(part, dtype) for part in self.arrays))

    def run_on(self, library, function, dtype="float64"):
        """Return function(the problem on another library), compiled for JAX."""
        run = compiled(library, lambda *arrays: function(Problem(self.layer, *arrays)))
        return run(*self.on(library, dtype).arrays)

    @property
    def arrays(self):
        """All but the layer."""
        return tuple(self[1:])

    @property
    def point(self):
        """Everything that has a gradient."""
        return {"x": self.x, "params": self.params}

    def value(self, point):
        """Return ⟨dy, y⟩ at a point."""
        y, _ = self.layer.forward(point["params"], point["x"], self.noise)
        return (y * self.dy).sum()

    def gradient(self):
        """Return y and the gradient of `value` at the point, by the layer itself."""
        y, saved = self.layer.forward(self.params, self.x, self.noise)
        dx, dparams = self.layer.backward(saved, self.dy)
        return y, {"x": dx, "params": dparams}


def compiled(library, function):
    """Return the function, compiled for JAX; its single operations compile slowly."""
    if library.name != "jax":
        return function
    import jax

    return jax.jit(function)


def assert_float32(library, case):
    """Hold a problem in float32 against the same in float64.

    Of JAX only the dtypes: that needs no compilation.
    """
    y, gradient = case.gradient()
    desired = map_leaves(np.float32, {"y": y, **gradient})
    moved = case.on(library, "float32")
    if library.name == "jax":
        import jax

        run = jax.eval_shape(lambda *a: Problem(case.layer, *a).gradient(), *moved[1:])
        dtypes = {leaf.dtype for leaf in jax.tree.leaves(run)}
        assert dtypes == {np.dtype(np.float32)}
        return
    y, gradient = moved.gradient()
    assert_same(library, {"y": y, **gradient}, desired, 1e-5)


def problem(layer, x_shape, seed=0):
    """Return a problem of NumPy arrays in float64, away from every symmetric point."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=x_shape)
    params = scatter(layer.init(key(seed), like=x), rng)
    noise = layer.draw(key(seed + 1), x.shape, x)
    return Problem(layer, params, x, noise, rng.normal(size=layer.out_shape(x.shape)))


def scatter(params, rng):
    """Return random parameters of the same names, with scales that matter."""
    return unflatten(
        {
            path: rng.normal(size=leaf.shape) * 0.5 - path.endswith("rho")
            for path, leaf in items(params)
        }
    )
