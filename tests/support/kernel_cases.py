"""How each kernel is called, and how exactly a backend's result must agree.

A case turns random inputs of one shape and dtype into the arguments of one call.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from support import poolings
from support.convolutions import CONVOLUTIONS, arrays_of, signs_of
from support.poolings import POOLINGS
from varlayers.kernels import Kernels
from varlayers.random import Key
from varlayers.types import FlippedWeight

KEY = Key(0x243F6A88, 0x85A308D3)
ADAM = {"rate": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass(frozen=True)
class Inputs:
    """Random arguments of one shape and dtype."""

    rng: np.random.Generator
    shape: tuple[int, ...]
    dtype: str

    @property
    def count(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    def normal(self, spread: float = 1.0) -> np.ndarray:
        return np.asarray(spread * self.rng.standard_normal(self.shape), self.dtype)

    def rows(self, width: int) -> np.ndarray:
        """Return rows of a width, up to a thousand in place of many elements."""
        shape = self.shape if self.count < 1000 else (self.count % 1000,)
        return np.asarray(5 * self.rng.standard_normal((*shape, width)), self.dtype)

    def between(self, low: float, high: float, shape: Any = None) -> np.ndarray:
        shape = self.shape if shape is None else shape
        return np.asarray(self.rng.uniform(low, high, shape), self.dtype)

    def sprinkled(self, x: np.ndarray, *values: float) -> np.ndarray:
        """Return x with a few of its entries replaced."""
        flat = x.reshape(-1).copy()
        for offset, value in enumerate(values):
            flat[offset::97] = value
        return flat.reshape(self.shape)

    def words(self) -> np.ndarray:
        return self.rng.integers(0, 2**32, self.shape, dtype=np.uint32)


@dataclass(frozen=True)
class Case:
    """One way to call a method, and its tolerance in units of the dtype's epsilon.

    `summed` is for sums of products: a multiple of Σ |a| |b|, what the method returns
    for the arguments' absolute values. Rounding grows with that, not with Σ a b, by at
    most half a unit for each of n terms; in random directions that is √n / 2, below 10
    for the sums of the cases.
    """

    arguments: Callable[[Inputs], tuple[Any, ...]]
    relative: float = 0.0
    absolute: float = 0.0
    summed: float = 0.0
    options: tuple[tuple[str, Any], ...] = ()
    donated: tuple[int, ...] = ()
    any_dtype: bool = False
    may_alias: bool = False
    small_only: bool = False


def _weights(i: Inputs, *prior: Any) -> tuple[Any, ...]:
    scale, slope = i.between(0.05, 2), i.between(0.01, 1)
    return (i.normal(), scale, slope, *prior, 0.3, i.normal(), i.normal())


def _kl_with_zeros(i: Inputs) -> tuple[Any, ...]:
    loc, scale, slope, *rest = _weights(i, 0.0, 1.0)
    return (loc, i.sprinkled(scale, 0.0), i.sprinkled(slope, 0.0), *rest)


def _kl(arguments: Callable[[Inputs], tuple[Any, ...]]) -> Case:
    return Case(arguments, relative=16, absolute=64, donated=(6, 7))


def _channels(i: Inputs) -> tuple[Any, ...]:
    y = i.rows(1 + i.count % 33)
    return y, y.reshape(-1, y.shape[-1]).sum(axis=0)


def _one_hot(i: Inputs) -> tuple[Any, ...]:
    z = i.rows(10)
    return z, np.eye(10, dtype=i.dtype)[i.rng.integers(0, 10, z.shape[:-1])]


def _probabilities(i: Inputs, width: int = 10) -> tuple[Any, ...]:
    """Return targets of which a few are 0, and so are all of some rows."""
    z, t = i.rows(width), np.abs(i.rows(width))
    t = np.where(
        i.rng.uniform(size=t.shape) < 0.2, 0, t / t.sum(axis=-1, keepdims=True)
    )
    t = np.where(i.rng.uniform(size=t[..., :1].shape) < 0.1, 0, t)
    return z, np.asarray(t, i.dtype)


def _impossible(i: Inputs) -> tuple[Any, ...]:
    """Return rows with p = 0, where some targets are 0, and rows of NaN."""
    z, t = _probabilities(i)
    z[..., 3:5] = -np.inf
    t[..., 3] = 0
    for channel in (0, 7):
        z[i.rng.uniform(size=z.shape[:-1]) < 0.1, channel] = np.nan
    return z, t


def _matmul(i: Inputs) -> tuple[Any, ...]:
    """Return matrices (m, k) and (k, n), the second one transposed in memory."""
    m, n = min(i.count, 300), 1 + i.count % 7
    a, b = i.rng.standard_normal((m, 37)), i.rng.standard_normal((n, 37))
    return np.asarray(a, i.dtype), np.asarray(b, i.dtype).T


def _convolutions(method: str) -> tuple[Case, ...]:
    return tuple(
        Case(partial(_CONVOLVE[method], name), summed=32, small_only=True)
        for name in CONVOLUTIONS
    )


def _conv(name: str, i: Inputs) -> tuple[Any, ...]:
    x, w, _, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return x, w, window


def _conv_adjoint_x(name: str, i: Inputs) -> tuple[Any, ...]:
    x, w, dy, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return dy, w, x.shape, window


def _conv_adjoint_w(name: str, i: Inputs) -> tuple[Any, ...]:
    x, w, dy, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return x, dy, w.shape, window


def _flipped(name: str, i: Inputs) -> tuple[Any, ...]:
    """Return x, dy, a weight with signs, and the window."""
    x, w, dy, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    r, s = (signs_of(array, i.rng) for array in (x, dy))
    delta = np.asarray(i.rng.standard_normal(w.shape), w.dtype)
    return x, dy, FlippedWeight(w, delta, r, s), window


def _conv_flipped(name: str, i: Inputs) -> tuple[Any, ...]:
    x, _, w, window = _flipped(name, i)
    return x, w, window


def _conv_flipped_adjoint_x(name: str, i: Inputs) -> tuple[Any, ...]:
    x, dy, w, window = _flipped(name, i)
    return dy, w, x.shape, window


def _conv_moments(name: str, i: Inputs) -> tuple[Any, ...]:
    x, w, _, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return x, w, w * w, window


def _conv_moments_adjoint_w(name: str, i: Inputs) -> tuple[Any, ...]:
    x, w, dy, window = arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return x, (dy, 2 * dy), w.shape, window


_CONVOLVE = {
    "conv": _conv,
    "conv_adjoint_x": _conv_adjoint_x,
    "conv_adjoint_w": _conv_adjoint_w,
    "conv_flipped": _conv_flipped,
    "conv_flipped_adjoint_x": _conv_flipped_adjoint_x,
    "conv_flipped_adjoint_w": _flipped,
    "conv_moments": _conv_moments,
    "conv_moments_adjoint_w": _conv_moments_adjoint_w,
}


def _poolings(method: str) -> tuple[Case, ...]:
    return tuple(
        # Sums of up to 294 standard normals.
        Case(partial(_POOL[method], name), absolute=512, small_only=True)
        for name in POOLINGS
    )


def _max_pool(name: str, i: Inputs) -> tuple[Any, ...]:
    x, _, *pool = poolings.arrays_of(name, min(i.count, 5), i.rng, i.dtype, ties=True)
    return x, *pool


def _max_pool_backward(name: str, i: Inputs) -> tuple[Any, ...]:
    x, dy, *pool = poolings.arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return dy, Kernels(np).max_pool(x, *pool)[1], x.shape, *pool


def _sum_pool(name: str, i: Inputs) -> tuple[Any, ...]:
    x, _, *pool = poolings.arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return x, *pool


def _sum_pool_adjoint(name: str, i: Inputs) -> tuple[Any, ...]:
    x, dy, *pool = poolings.arrays_of(name, min(i.count, 5), i.rng, i.dtype)
    return dy, x.shape, *pool


def _up_linear(space: Any, sizes: Any, i: Inputs) -> tuple[Any, ...]:
    return i.rng.standard_normal((min(i.count, 5), *space, 2)).astype(i.dtype), sizes


_UP = (((3, 1), (2, 3)), ((4,), (5,)), ((2, 3), (4, 1)), ((1, 2, 2), (2, 2, 1)))
_LONGER = tuple(
    (tuple(n * size for n, size in zip(space, sizes, strict=True)), sizes)
    for space, sizes in _UP
)


_POOL = {
    "max_pool": _max_pool,
    "max_pool_backward": _max_pool_backward,
    "sum_pool": _sum_pool,
    "sum_pool_adjoint": _sum_pool_adjoint,
}


def _adam(**options: Any) -> Case:
    return Case(
        lambda i: (i.normal(), i.normal(), i.normal(), i.between(0, 1)),
        relative=4,
        absolute=8,
        options=tuple({**ADAM, **options}.items()),
        donated=(0, 2, 3),
    )


def _sgd(**options: Any) -> Case:
    return Case(
        lambda i: (i.normal(), i.normal(), i.normal()),
        relative=4,
        absolute=8,
        options=tuple({"rate": 0.1, **options}.items()),
        donated=(0, 2),
    )


def _descent(decay: float) -> Case:
    """Return a step without momentum, and so without a velocity."""
    return replace(
        _sgd(momentum=0.0, nesterov=False, decay=decay),
        arguments=lambda i: (i.normal(), i.normal(), None),
        donated=(0,),
    )


CASES: dict[str, tuple[Case, ...]] = {
    "asarray": (Case(lambda i: (i.normal().tolist(), i.normal())),),
    "to_numpy": (Case(lambda i: (i.normal(),), may_alias=True),),
    "words": (Case(lambda i: (KEY, i.count, i.normal()), any_dtype=True),),
    "bit_index": (Case(lambda i: (i.words(),)),),
    "uniform": (Case(lambda i: (KEY, i.shape, i.normal())),),
    "normal": (Case(lambda i: (KEY, i.shape, i.normal()), absolute=32),),
    "signs": (Case(lambda i: (KEY, i.shape, i.normal())),),
    "softplus": (
        Case(lambda i: (i.normal(3),), relative=4),
        Case(lambda i: (i.sprinkled(i.normal(30), 1e3, -1e3, 0),), relative=4),
    ),
    "erf": (Case(lambda i: (i.normal(2),), relative=8),),
    "gammaln": (Case(lambda i: (i.between(0.01, 40),), relative=16, absolute=16),),
    "digamma": (Case(lambda i: (i.between(0.01, 40),), relative=16, absolute=16),),
    "ndtri": (Case(lambda i: (i.between(1e-6, 1 - 1e-6),), 64, 16),),
    "scale_normal": (Case(lambda i: (i.normal(3), 1e-5), relative=4),),
    "sample_normal_backward": (
        Case(lambda i: (i.between(0, 1), i.normal(), i.normal()), 2),
    ),
    "variance_normal_backward": (
        Case(lambda i: (i.between(0, 1), i.between(0, 1), i.normal()), 4),
    ),
    "multiply": (Case(lambda i: (i.normal(), i.normal())),),
    "add_product": (Case(lambda i: (i.normal(), i.between(0, 1), i.normal()), 2, 2),),
    "add_kl_normal_": (
        _kl(lambda i: _weights(i, 0.0, 1.0)),
        _kl(lambda i: _weights(i, i.normal(), i.between(0.2, 2))),
        _kl(lambda i: _weights(i, 0.5, i.between(0.2, 2, i.shape[-1:]))),
        _kl(_kl_with_zeros),
    ),
    "local_noise": (Case(lambda i: (i.normal(), i.between(0, 2), i.normal()), 2, 2),),
    "local_noise_backward": (
        Case(lambda i: (i.between(0.01, 2), i.normal(), i.normal()), 2),
        Case(lambda i: (i.sprinkled(i.between(0.01, 2), 0), i.normal(), i.normal()), 2),
    ),
    "log_softmax": (
        Case(lambda i: (i.rows(10),), absolute=32),
        Case(lambda i: (i.rows(100),), absolute=32),
        Case(lambda i: (i.rows(1),)),
    ),
    "cross_entropy": (
        Case(_one_hot, relative=16, absolute=64),
        Case(_probabilities, relative=16, absolute=64),
        Case(partial(_probabilities, width=100), relative=16, absolute=128),
        Case(partial(_probabilities, width=1), relative=16),
        Case(_impossible, relative=16, absolute=64),
    ),
    "add_channels_": (Case(_channels, 2, 2, donated=(0,)),),
    "sum_channels": (Case(lambda i: _channels(i)[:1], summed=32),),
    "relu": (Case(lambda i: (i.sprinkled(i.normal(), 0, np.nan, np.inf, -np.inf),)),),
    "relu_backward": (
        Case(lambda i: (i.sprinkled(i.between(0, 1), 0, np.nan), i.normal())),
    ),
    "matmul": (Case(_matmul, summed=32),),
    **{method: _convolutions(method) for method in _CONVOLVE},
    **{method: _poolings(method) for method in _POOL},
    "up_linear": tuple(Case(partial(_up_linear, *up), absolute=16) for up in _UP),
    "up_linear_adjoint": tuple(
        Case(partial(_up_linear, *up), absolute=64) for up in _LONGER
    ),
    "adam_": (_adam(decay=0.0, step=1), _adam(decay=0.1, step=1000)),
    "sgd_": (
        _sgd(momentum=0.9, nesterov=False, decay=0.0),
        _sgd(momentum=0.9, nesterov=True, decay=0.1),
        _descent(decay=0.0),
        _descent(decay=0.1),
    ),
}
