"""Every override of every backend against the generic kernels, found by introspection.

A backend joins by its line in the table of `varlayers.dispatch`.
"""

import importlib
import inspect

import numpy as np
import pytest
from support.kernel_cases import CASES
from support.libraries import Library, make_library
from support.parity import FACTS, LARGE, SMALL, check_cases, overrides, uncovered

from varlayers.dispatch import _BACKENDS, kernels_for
from varlayers.kernels import Kernels
from varlayers_backends.numpy import NumpyKernels

PLAIN = "numpy without numba"
# Arrays of "varlayers_backends" are traces of NumPy's, which no data is placed in.
OTHERS = {"jaxlib", "varlayers_backends"}
LIBRARIES = sorted(_BACKENDS.keys() - OTHERS | {PLAIN})


def library_of(name):
    """Return the library; raise ImportError where it or its device is missing."""
    if name == "cupy":
        cupy = importlib.import_module("cupy")
        if not cupy.cuda.is_available():
            msg = "cupy finds no device"
            raise ImportError(msg)
        return Library(name, importlib.import_module("array_api_compat.cupy"))
    if name == PLAIN:
        return Library(name, np)
    importlib.import_module(name)
    return make_library(name)


def kernels_of(library):
    if library.name == PLAIN:
        return NumpyKernels()
    return kernels_for(library.asarray(0.0))


def generator_of(library):
    """Return a seeded generator of the library; JAX has none."""
    if library.name == "jax":
        return None
    if library.name == "torch":
        return importlib.import_module("torch").Generator().manual_seed(3)
    name = library.name.partition(" ")[0]
    return importlib.import_module(f"{name}.random").default_rng(3)


def layouts_of(library):
    """Return functions that move a NumPy array to the library, by name."""

    def contiguous(x):
        return library.asarray(x, str(x.dtype))

    def strided(x):
        return contiguous(np.stack([x, x], axis=-1))[..., 0]

    def transposed(x):
        axes = tuple(reversed(range(x.ndim)))
        return library.xp.permute_dims(contiguous(np.array(x.T, order="C")), axes)

    def readonly(x):
        placed = contiguous(x)
        placed.flags.writeable = False
        return placed

    on_numpy = (contiguous, strided, transposed, readonly)
    layouts = {
        "numpy": on_numpy,
        PLAIN: on_numpy,
        "jax": (contiguous,),  # it has no other
    }.get(library.name, (contiguous, strided, transposed))
    return {layout.__name__: layout for layout in layouts}


def shapes_of(library, method):
    """Return the shapes to try; JAX compiles every operation for each.

    Its gradients of a convolution of no example are in `test_estimators.py`.
    """
    if library.name == "jax":
        return SMALL[4:] if method.startswith("conv_") else SMALL[2::2]
    return (*SMALL, *LARGE)


def pairs():
    """Yield (library, method) for every override, and a skip for what is missing."""
    for name in LIBRARIES:
        try:
            methods = overrides(type(kernels_of(library_of(name))))
        except ImportError as error:
            yield pytest.param(name, "", marks=pytest.mark.skip(reason=str(error)))
        else:
            yield from (pytest.param(name, method) for method in methods)


PAIRS = list(pairs())
INSTALLED = sorted({pair.values[0] for pair in PAIRS if not pair.marks})


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_override_keeps_the_contract(name, method):
    library = library_of(name)
    kernels = kernels_of(library)
    if method in FACTS:
        for dtype in ("float32", "float64"):
            like = library.asarray([1.0], dtype)
            FACTS[method](kernels, like, generator_of(library))
    else:
        check_cases(kernels, method, layouts_of(library), shapes_of(library, method))


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_override_has_the_signature_of_the_base(name, method):
    generic = inspect.signature(getattr(Kernels, method)).parameters.values()
    own = inspect.signature(getattr(type(kernels_of(library_of(name))), method))
    named = [p.name for p in own.parameters.values() if p.kind != p.VAR_KEYWORD]
    passed_on = len(named) < len(own.parameters)
    assert named == [
        p.name for p in generic if not (passed_on and p.kind == p.KEYWORD_ONLY)
    ]


@pytest.mark.parametrize("name", INSTALLED)
def test_every_override_is_checked(name):
    assert not uncovered(type(kernels_of(library_of(name))))


def test_every_method_has_a_case_and_every_case_a_method():
    methods = {name for name, _ in inspect.getmembers(Kernels, inspect.isfunction)}
    assert {name for name in methods if not name.startswith("_")} == {*CASES, *FACTS}


class Backend(Kernels):
    """The generic kernels under another name, for the tests below to spoil."""

    def __init__(self):
        super().__init__(np)

    def to_numpy(self, x):
        return x


def flawed(**methods):
    return type("Flawed", (Backend,), methods)


@pytest.mark.parametrize("name", ["_on_host", "_no_generator"])
def test_override_without_a_case_is_found(name):
    assert uncovered(flawed(**{name: print})) == {name}


def test_added_method_is_no_override():
    assert overrides(flawed(fused=print)) == ["to_numpy"]


def wrong_value(self, loc, scale, eps):
    return 1.0001 * (loc + scale * eps)


def wrong_beyond_a_chunk(self, loc, scale, eps):
    sample = np.asarray(loc + scale * eps)
    sample.reshape(-1)[32768:] *= 1.0001
    return sample


def wrong_dtype(self, loc, scale, eps):
    return (loc + scale * eps).astype("float64")


def wrong_shape(self, loc, scale, eps):
    return np.ravel(loc + scale * eps)


def wrong_layout(self, loc, scale, eps):
    return np.reshape(
        loc.ravel("K") + scale.ravel("K") * eps.ravel("K"), loc.shape, order="C"
    )


def changes_an_argument(self, loc, scale, eps):
    sample = loc + scale * eps
    if scale.flags.writeable:
        scale[...] += 1
    return sample


def returns_an_argument(self, loc, scale, eps):
    if not loc.flags.writeable:
        return loc + scale * eps
    sample = loc + scale * eps
    loc[...] = sample
    return loc


def cannot_read_only(self, loc, scale, eps):
    loc[...] += scale * eps
    return loc.copy()


@pytest.mark.parametrize(
    "flaw",
    [
        wrong_value,
        wrong_beyond_a_chunk,
        wrong_dtype,
        wrong_shape,
        wrong_layout,
        changes_an_argument,
        returns_an_argument,
        cannot_read_only,
    ],
)
def test_flawed_override_is_caught(flaw):
    backend = flawed(add_product=flaw)()
    layouts = layouts_of(make_library("numpy"))
    with pytest.raises((AssertionError, ValueError), match=r"add_product|read-only"):
        check_cases(backend, "add_product", layouts)


def drops_a_tap(self, x, w, window):
    w = w.copy()
    w[(-1,) * (w.ndim - 2)] = 0
    return Kernels.conv(self, x, w, window)


def drops_a_product(self, x, w, window):
    y = Kernels.conv(self, x, w, window)
    if w.size and y.size:
        w = w.copy()
        w.flat[0] = 0
        y.flat[0] = Kernels.conv(self, x, w, window).flat[0]
    return y


def sums_in_single_precision(self, x, w, window):
    y = Kernels.conv(self, x.astype("float32"), w.astype("float32"), window)
    return y.astype(x.dtype)


@pytest.mark.parametrize(
    "flaw", [drops_a_tap, drops_a_product, sums_in_single_precision]
)
def test_flawed_convolution_is_caught(flaw):
    layouts = layouts_of(make_library("numpy"))
    with pytest.raises(AssertionError, match=r"conv on .*: off by up to"):
        check_cases(flawed(conv=flaw)(), "conv", layouts)


def test_honest_override_passes():
    layouts = layouts_of(make_library("numpy"))
    check_cases(Backend(), "add_product", layouts)
