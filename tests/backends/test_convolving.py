"""Which function convolves: the chosen module's, or the generic body.

That both give the same numbers is held by the parity tests of every backend.
"""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from varlayers.convolution_kernels import ConvolutionKernels
from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight
from varlayers.windows import Window
from varlayers_backends.convolving import ConvolvingKernels

GENERIC = Kernels(np)
WINDOW = Window((1,), (1,), ((1, 1),))
METHODS = [
    name
    for name, _ in inspect.getmembers(ConvolutionKernels, inspect.isfunction)
    if name.startswith("conv")
]
FLIPPED = [name for name in METHODS if "flipped" in name]


class Choosing(ConvolvingKernels):
    """Kernels that convolve by one module, and remember for what."""

    def __init__(self, module):
        super().__init__(np)
        self.module, self.asked = module, []

    def convolver(self, window, *arrays):
        self.asked.append((window, *arrays))
        return self.module


def arguments_of(method, length=64, signs=1):
    """Return arguments by which a convolution may be called."""
    x, w = np.ones((2, length, 3)), np.ones((3, 3, 4))
    dy = np.ones((2, length, 4))
    flipped = FlippedWeight(w, w, np.ones((2, signs, 3)), np.ones((2, 1, 4)))
    given = {
        "x": x,
        "dy": dy,
        "w": flipped if method in FLIPPED else w,
        "loc": w,
        "var": w,
        "grads": (dy, dy),
        "x_shape": x.shape,
        "w_shape": w.shape,
        "window": WINDOW,
    }
    return [
        given[name] for name in inspect.signature(getattr(GENERIC, method)).parameters
    ]


def flat(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("method", METHODS)
def test_function_of_the_module_has_every_argument(method):
    module = SimpleNamespace(
        **{method.removeprefix("conv_"): lambda *arguments: arguments}
    )
    arguments = arguments_of(method)
    actual = getattr(Choosing(module), method)(*arguments)
    assert all(one is other for one, other in zip(actual, arguments, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_module_is_chosen_for_the_window_and_every_array(method):
    arguments = arguments_of(method)
    k = Choosing(None)
    getattr(k, method)(*arguments)
    arrays = [
        array
        for argument in arguments
        for array in (argument if isinstance(argument, tuple) else (argument,))
        if isinstance(array, np.ndarray)
    ]
    (window, *seen), *_ = k.asked
    assert window is WINDOW
    assert {id(array) for array in seen} == {id(array) for array in arrays}


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
@pytest.mark.parametrize("method", METHODS)
def test_what_no_module_has_is_generic(method, module):
    arguments = arguments_of(method)
    actual, desired = (
        flat(getattr(k, method)(*arguments)) for k in (Choosing(module), GENERIC)
    )
    for one, other in zip(actual, desired, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("length", "signs"), [(64, 1), (63, 1), (64, 64)])
@pytest.mark.parametrize("method", FLIPPED)
def test_one_weight_for_each_example_where_it_pays(method, length, signs):
    module = SimpleNamespace(**{method.removeprefix("conv_"): lambda *_: "own"})
    result = getattr(Choosing(module), method)(*arguments_of(method, length, signs))
    assert isinstance(result, str) == ((length, signs) == (64, 1))


def test_without_a_choice_all_is_generic():
    assert ConvolvingKernels(np).convolver(WINDOW, np.ones(1)) is None
