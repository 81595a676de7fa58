"""Hold the methods that a backend overrides against the generic `Kernels`.

`CASES` says how each method is called, and how exactly its result must agree with that
of the generic body on NumPy; `FACTS` checks the few methods that have no generic
result. `uncovered` finds an override that has neither.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.random import Key, fold_in

KEY = Key(0x243F6A88, 0x85A308D3)
ADAM = {"rate": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

SMALL = ((), (1,), (0,), (7,), (3, 5))
LARGE = ((4097,), (32768,), (65537,), (132, 1001))
DTYPES = ("float32", "float64")


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
    """One way to call a method, and its tolerance in units of the dtype's epsilon."""

    arguments: Callable[[Inputs], tuple[Any, ...]]
    relative: float = 0.0
    absolute: float = 0.0
    options: tuple[tuple[str, Any], ...] = ()
    donated: tuple[int, ...] = ()
    any_dtype: bool = False
    may_alias: bool = False


def _weights(i: Inputs, *prior: Any) -> tuple[Any, ...]:
    scale, slope = i.between(0.05, 2), i.between(0.01, 1)
    return (i.normal(), scale, slope, *prior, 0.3, i.normal(), i.normal())


def _kl_with_zeros(i: Inputs) -> tuple[Any, ...]:
    loc, scale, slope, *rest = _weights(i, 0.0, 1.0)
    return (loc, i.sprinkled(scale, 0.0), i.sprinkled(slope, 0.0), *rest)


def _kl(arguments: Callable[[Inputs], tuple[Any, ...]]) -> Case:
    return Case(arguments, relative=16, absolute=64, donated=(6, 7))


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
    "ndtri": (Case(lambda i: (i.between(1e-6, 1 - 1e-6),), 64, 16),),
    "scale_normal": (Case(lambda i: (i.normal(3), 1e-5), relative=4),),
    "sample_normal_backward": (
        Case(lambda i: (i.between(0, 1), i.normal(), i.normal()), 2),
    ),
    "variance_normal_backward": (
        Case(lambda i: (i.between(0, 1), i.between(0, 1), i.normal()), 4),
    ),
    "sample_normal": (Case(lambda i: (i.normal(), i.between(0, 1), i.normal()), 2, 2),),
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
    "adam_": (_adam(decay=0.0, step=1), _adam(decay=0.1, step=1000)),
    "sgd_": (
        _sgd(momentum=0.9, nesterov=False, decay=0.0),
        _sgd(momentum=0.9, nesterov=True, decay=0.1),
    ),
}


def check_device(kernels: Kernels, like: Any, generator: Any) -> None:
    """The device is one that the library creates arrays on."""
    made = kernels.xp.zeros((2,), dtype=like.dtype, device=kernels.device(like))
    assert kernels.device(made) == kernels.device(like)


def check_native_uniform(kernels: Kernels, like: Any, generator: Any) -> None:
    """Draws are uniform on [0, 1), and advance the generator."""
    draw = _draws(kernels.native_uniform, kernels, like, generator)
    assert draw.min() >= 0
    assert draw.max() < 1
    assert abs(draw.mean() - 0.5) < 5 / np.sqrt(12 * draw.size)


def check_native_normal(kernels: Kernels, like: Any, generator: Any) -> None:
    """Draws are standard normal, and advance the generator."""
    draw = _draws(kernels.native_normal, kernels, like, generator)
    assert abs(draw.mean()) < 5 / np.sqrt(draw.size)
    assert abs((draw**2).mean() - 1) < 5 * np.sqrt(2 / draw.size)


def check_compile(kernels: Kernels, like: Any, generator: Any) -> None:
    """A compiled function takes a key, a tree and a number, and draws the same."""
    compiled = kernels.compile(_noisy)((3,), KEY, {"x": like}, 0.5)
    actual, host = kernels.to_numpy(compiled["y"]), kernels.to_numpy(like)
    desired = host + 0.5 * Kernels(np).normal(fold_in(KEY, 1), (3,), host)
    assert actual.dtype == host.dtype
    np.testing.assert_allclose(actual, desired, atol=32 * np.finfo(host.dtype).eps)


def _noisy(shape: Any, key: Key, tree: Any, factor: Any) -> Any:
    x = tree["x"]
    return {"y": x + factor * kernels_for(x).normal(fold_in(key, 1), shape, x)}


FACTS: dict[str, Callable[[Kernels, Any, Any], None]] = {
    "compile": check_compile,
    "device": check_device,
    "native_uniform": check_native_uniform,
    "native_normal": check_native_normal,
}


def _draws(method: Any, kernels: Kernels, like: Any, generator: Any) -> np.ndarray:
    assert method(generator, (), like).shape == ()
    first = method(generator, (100, 200), like)
    second = kernels.to_numpy(method(generator, (100, 200), like))
    assert first.shape == (100, 200)
    assert first.dtype == like.dtype
    assert not np.array_equal(kernels.to_numpy(first), second)
    return second


def overrides(kernels: type[Kernels]) -> list[str]:
    """Return the names of the methods of `Kernels` that a subclass replaces."""
    return [
        name
        for name, method in inspect.getmembers(Kernels, inspect.isfunction)
        if not name.startswith("__") and getattr(kernels, name) is not method
    ]


def uncovered(kernels: type[Kernels]) -> set[str]:
    """Return the overrides that nothing here checks."""
    return set(overrides(kernels)) - CASES.keys() - FACTS.keys()


def check_cases(
    kernels: Kernels,
    name: str,
    layouts: dict[str, Callable[[np.ndarray], Any]],
    shapes: tuple[tuple[int, ...], ...] = (*SMALL, *LARGE),
) -> None:
    """Call a method as every case says, on every shape, dtype and layout.

    Args:
        kernels: the backend.
        name: the method.
        layouts: name -> function that moves a NumPy array to the backend's library.
        shapes: the shapes of the arguments.
    """
    for case, shape, dtype in _settings(name, shapes):
        inputs = Inputs(np.random.default_rng(len(shape)), shape, dtype)
        arguments, options = case.arguments(inputs), dict(case.options)
        desired = _generic(name, arguments, options)
        for layout, place in layouts.items():
            placed = [
                place(argument) if isinstance(argument, np.ndarray) else argument
                for argument in arguments
            ]
            where = f"{kernels!r}.{name} on {dtype} {shape} {layout}"
            actual = getattr(kernels, name)(*placed, **options)
            _assert_agrees(kernels, case, dtype, actual, desired, where)
            _assert_safe(kernels, case, arguments, placed, actual, where)


def _settings(name: str, shapes: Any) -> Iterator[tuple[Case, tuple[int, ...], str]]:
    for case in CASES[name]:
        for shape in shapes:
            for dtype in DTYPES:
                yield case, shape, dtype


def _generic(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    with np.errstate(divide="ignore"):
        return getattr(Kernels(np), name)(*arguments, **options)


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _assert_agrees(
    kernels: Kernels, case: Case, dtype: str, actual: Any, desired: Any, where: str
) -> None:
    assert len(_tuple(actual)) == len(_tuple(desired)), where
    precision = np.finfo(dtype)
    for one, other in zip(_tuple(actual), _tuple(desired), strict=True):
        host = _host(kernels, one)
        assert host.shape == other.shape, where
        assert case.any_dtype or host.dtype == other.dtype, where
        np.testing.assert_allclose(
            host,
            other,
            rtol=case.relative * precision.eps,
            atol=case.absolute * precision.eps
            + (precision.smallest_normal if case.relative else 0),
            err_msg=where,
        )


def _assert_safe(
    kernels: Kernels,
    case: Case,
    arguments: tuple[Any, ...],
    placed: list[Any],
    actual: Any,
    where: str,
) -> None:
    """Arguments that are not donated neither change nor come back."""
    for index, (argument, array) in enumerate(zip(arguments, placed, strict=True)):
        if index in case.donated or not isinstance(argument, np.ndarray):
            continue
        host = _host(kernels, array)
        assert np.array_equal(host, argument), f"{where} changed argument {index}"
        assert case.may_alias or not any(
            np.shares_memory(host, _host(kernels, result)) for result in _tuple(actual)
        ), f"{where} returned argument {index}"


def _host(kernels: Kernels, array: Any) -> np.ndarray:
    is_host = isinstance(array, np.ndarray | np.generic)
    return np.asarray(array if is_host else kernels.to_numpy(array))
