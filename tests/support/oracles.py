"""A layer without parameters beside the same function of torch or JAX."""

import numpy as np

from support.gradients import assert_equal_trees, autodiff
from support.libraries import make_library


def assert_equals_function(engine, layer, function, x):
    """Hold output and gradient against an engine's own function of channels-last x."""
    library = make_library(engine)
    y, saved = layer.forward({}, x, {})
    dy = np.random.default_rng(1).standard_normal(y.shape)

    def value(library, point):
        return (function(point["x"]) * library.asarray(dy)).sum()

    expected = library.to_numpy(function(library.asarray(x)))
    assert_equal_trees({"y": y}, {"y": expected})
    gradient = {"x": layer.backward(saved, dy)[0]}
    assert_equal_trees(gradient, autodiff(engine, value, {"x": x}))


def channels_second(function, *arguments, **options):
    """Return a torch function for images with the channels last."""

    def call(x):
        return function(x.movedim(-1, 1), *arguments, **options).movedim(1, -1)

    return call
