"""CuPy's kernels without a device: the CUDA source, on the host, keeps the contracts.

`support.fake_cupy` stands for CuPy. With a device, `test_parity.py` runs the real one.
"""

import inspect

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler
from support.parity import FACTS, check_cases, overrides, uncovered

from varlayers.kernels import Kernels

CLASS = fake_cupy.kernels_class()
METHODS = overrides(CLASS)


@pytest.fixture(autouse=True)
def cupy():
    """The stand-in, where `import cupy` finds it."""
    needs_compiler()
    with fake_cupy.installed() as module:
        yield module


@pytest.fixture
def kernels():
    return CLASS()


def contiguous(x):
    return fake_cupy.ndarray(np.array(x, order="C"))


def strided(x):
    return contiguous(np.stack([x, x], axis=-1))[..., 0]


def transposed(x):
    return contiguous(np.array(x.T, order="C")).T


LAYOUTS = {layout.__name__: layout for layout in (contiguous, strided, transposed)}


@pytest.mark.parametrize("method", METHODS)
def test_override_keeps_the_contract(cupy, kernels, method):
    if method in FACTS:
        for dtype in ("float32", "float64"):
            like = contiguous(np.ones(1, dtype))
            FACTS[method](kernels, like, cupy.random.default_rng(3))
    else:
        check_cases(kernels, method, LAYOUTS)


def test_every_override_is_checked():
    assert not uncovered(CLASS)


@pytest.mark.parametrize("method", METHODS)
def test_override_has_the_signature_of_the_base(method):
    generic = inspect.signature(getattr(Kernels, method)).parameters.values()
    own = inspect.signature(getattr(CLASS, method)).parameters.values()
    named = [p.name for p in own if p.kind != p.VAR_KEYWORD]
    passed_on = len(named) < len(own)
    assert named == [
        p.name for p in generic if not (passed_on and p.kind == p.KEYWORD_ONLY)
    ]
