"""Hold the methods that a backend overrides against the generic `Kernels`.

`CASES` says how each method is called, and how exactly its result must agree with that
of the generic body on NumPy; `FACTS` checks the few methods that have no generic
result. `uncovered` finds an override that has neither.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from support.kernel_cases import CASES, KEY, Case, Inputs
from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.random import Key, fold_in

SMALL = ((), (1,), (0,), (7,), (3, 5))
LARGE = ((4097,), (32768,), (65537,), (132, 1001))
DTYPES = ("float32", "float64")


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
        limits = _limits(name, case, dtype, arguments, options)
        for layout, place in layouts.items():
            placed = [moved(argument, place) for argument in arguments]
            where = f"{kernels!r}.{name} on {dtype} {shape} {layout}"
            actual = getattr(kernels, name)(*placed, **options)
            if limits:
                _assert_within(kernels, limits, actual, desired, where)
            else:
                _assert_agrees(kernels, case, dtype, actual, desired, where)
            _assert_safe(kernels, case, arguments, placed, actual, where)


def _settings(name: str, shapes: Any) -> Iterator[tuple[Case, tuple[int, ...], str]]:
    for case in CASES[name]:
        for shape in _one_of_each_batch(shapes) if case.small_only else shapes:
            for dtype in DTYPES:
                yield case, shape, dtype


def _one_of_each_batch(shapes: Any) -> Any:
    """Return a shape for each size of the batches that `small_only` cases make."""
    batches = {min(math.prod(shape), 5): shape for shape in shapes if shape in SMALL}
    return batches.values()


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
        if other is None:
            assert one is None, where
            continue
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


def _limits(
    name: str, case: Case, dtype: str, arguments: tuple[Any, ...], options: Any
) -> tuple[np.ndarray, ...]:
    """Return how far each element of sums of products may be off; none for others."""
    if not case.summed:
        return ()
    sizes = _generic(name, tuple(moved(a, np.abs) for a in arguments), options)
    return tuple(case.summed * np.finfo(dtype).eps * size for size in _tuple(sizes))


def _assert_within(
    kernels: Kernels, limits: tuple[Any, ...], actual: Any, desired: Any, where: str
) -> None:
    for one, other, limit in zip(_tuple(actual), _tuple(desired), limits, strict=True):
        host = _host(kernels, one)
        assert host.shape == other.shape, where
        assert host.dtype == other.dtype, where
        error = np.abs(host - other)
        assert np.all(error <= limit), f"{where}: off by up to {np.max(error)}"


def moved(argument: Any, place: Callable[[np.ndarray], Any]) -> Any:
    """Return an argument with its arrays, or those of a tuple, moved by `place`."""
    if isinstance(argument, np.ndarray):
        return place(argument)
    if isinstance(argument, tuple) and any(map(_is_array, argument)):
        parts = [place(part) for part in argument]
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


def arrays_in(argument: Any) -> list[Any]:
    """Return the array of an argument, or those of a tuple of arrays."""
    parts = argument if isinstance(argument, tuple) else (argument,)
    return [part for part in parts if _is_array(part)]


def _is_array(argument: Any) -> bool:
    return hasattr(argument, "dtype")


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
        if index in case.donated:
            continue
        for before, after in zip(arrays_in(argument), arrays_in(array), strict=True):
            host = _host(kernels, after)
            assert np.array_equal(host, before, equal_nan=True), (
                f"{where} changed argument {index}"
            )
            assert case.may_alias or not any(
                np.shares_memory(host, _host(kernels, result))
                for result in _tuple(actual)
                if result is not None
            ), f"{where} returned argument {index}"


def _host(kernels: Kernels, array: Any) -> np.ndarray:
    is_host = isinstance(array, np.ndarray | np.generic)
    return np.asarray(array if is_host else kernels.to_numpy(array))
