"""Find the `Kernels` of an array by its type; import nothing that is not in use.

The first array of a type takes the slow path (which library is it? has it a backend?);
every later one is a dictionary look-up. A library without a backend gets the generic
kernels: right, if not fast.
"""

from importlib import import_module
from typing import Any, cast

from varlayers.kernels import Kernels
from varlayers.types import Array

__all__ = ["kernels_for", "register_kernels"]

_BACKENDS = {
    "numpy": "varlayers_backends.numpy_choice:kernels",
    "torch": "varlayers_backends.torch:TorchKernels",
    "jax": "varlayers_backends.jax:JaxKernels",
    "jaxlib": "varlayers_backends.jax:JaxKernels",
    "cupy": "varlayers_backends.cupy:CupyKernels",
    "varlayers_backends": "varlayers_backends.numba_traced_kernels:TracedKernels",
}
_BY_TYPE: dict[type, Kernels] = {}


def kernels_for(x: Array) -> Kernels:
    """Return the kernels for arrays of x's type.

    Raises:
        TypeError: if x is not an array of an array-API library.
    """
    return _BY_TYPE.get(type(x)) or _resolve(x)


def register_kernels(library: str, target: str) -> None:
    """Use "module:Class" for arrays whose type is defined in package `library`.

    In place of the class a function may stand that makes the kernels.
    A distribution can do the same with an entry point in "varlayers.backends".
    """
    _BACKENDS[library] = target
    _BY_TYPE.clear()


def _resolve(x: Array) -> Kernels:
    target = _target(type(x))
    if target is None:
        kernels = Kernels(_namespace(x))
    else:
        _namespace(x)  # refuses what the library defines but is not an array
        module, _, name = target.partition(":")
        kernels = cast("Kernels", getattr(import_module(module), name)())
    _BY_TYPE[type(x)] = kernels
    return kernels


def _target(kind: type) -> str | None:
    """Return the backend of the library that defines the type or one of its bases."""
    for base in kind.__mro__:
        library = base.__module__.partition(".")[0]
        target = _BACKENDS.get(library) or _from_entry_points(library)
        if target is not None:
            return target
    return None


def _from_entry_points(library: str) -> str | None:
    from importlib.metadata import entry_points

    for point in entry_points(group="varlayers.backends", name=library):
        return point.value
    return None


def _namespace(x: Array) -> Any:
    from array_api_compat import array_namespace

    try:
        return array_namespace(x)
    except TypeError:
        msg = (
            f"Expected an array of an array-API library, got {type(x).__name__}. "
            "Convert it first, for example with numpy.asarray."
        )
        raise TypeError(msg) from None
