"""Save and load: a model with its parameters, or a whole training state, in one file.

A file holds one nested dict, the state. What `save` writes is the state {"model",
"params"}; a training state that has these two among its names is a model as well:

    save_state(path, {"model": elbo, **state})      state from `fit`
    elbo, params = load(path)                       to predict
    state = load_state(path)                        to go on training:
    state = fit(state["model"], ..., state=state)
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from varlayers import tree
from varlayers.random import key
from varlayers.serialization.description import describe
from varlayers.serialization.files import read, write
from varlayers.serialization.rebuilding import rebuild
from varlayers.types import Array, Params

__all__ = ["check_params", "load", "load_state", "model_of", "save", "save_state"]


def save(path: str | os.PathLike[str], model: Any, params: Params) -> None:
    """Write a model and its parameters into one safetensors file.

    The file appears whole or not at all: whatever fails, an older one stays.

    Args:
        path: where; the folder must exist.
        model: a layer or an `ELBO`.
        params: as its `init` returns them, in any array library. In bfloat16 they are
            stored as float32, which holds them exactly.

    Raises:
        ImportError: if safetensors is not installed.
        TypeError: if a part of the model is of a class that is not registered.
        ValueError: if the parameters are not the model's.

    Example:
        >>> import os, tempfile, varlayers as vl
        >>> model = vl.Sequential([vl.Dense(4, 8), vl.Activation("relu")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     vl.save(path, model, model.init(vl.key(0)))
        ...     loaded, params = vl.load(path)
        >>> loaded == model
        True
    """
    check_params("save", params, model.init(key(0)))
    save_state(path, {"model": model, "params": params})


def load(
    path: str | os.PathLike[str], *, like: Array | None = None, model: Any = None
) -> tuple[Any, dict[str, Any]]:
    """Read a model and its parameters.

    Nothing in the file is executed, and nothing changes unless all of it is right.

    Args:
        path: of a file that `save` wrote; or `save_state`, with the names "model" and
            "params" in the state.
        like: an array whose library, dtype and device the parameters get; without it
            they are NumPy's, in the dtype they had.
        model: the model that the file must hold, if only that will do.

    Returns:
        The model, equal to the one saved, and its parameters.

    Raises:
        FileNotFoundError: if there is no file.
        ImportError: if safetensors is not installed.
        TypeError: if the dtype of `like` is not floating.
        ValueError: if the file is damaged, of other origin, of a newer version, holds
            another model, or parameters that are not the model's.
    """
    return model_of(load_state(path, like=like), model)


def save_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write a nested dict into one safetensors file, as `save` does.

    Args:
        path: where; the folder must exist.
        state: names to arrays, numbers, strings, keys, layers and other frozen objects,
            or lists, tuples and dicts of these: what `fit` returns, for instance.

    Raises:
        ImportError: if safetensors is not installed.
        TypeError: if a part is of another kind.
        ValueError: if two arrays have the same dotted name.
    """
    if not isinstance(state, Mapping):
        msg = f"save_state expected a dict `state`, got {type(state).__name__}."
        raise TypeError(msg)
    write(path, describe(state))


def load_state(
    path: str | os.PathLike[str], *, like: Array | None = None
) -> dict[str, Any]:
    """Read the nested dict that a file holds.

    Args:
        path: of a file that `save` or `save_state` wrote.
        like: as for `load`; arrays of integers keep their dtype.

    Raises:
        FileNotFoundError: if there is no file.
        ImportError: if safetensors is not installed.
        TypeError: if the dtype of `like` is not floating.
        ValueError: if the file is damaged, of other origin, of a newer version, or
            mentions a class that is not registered.
    """
    state: dict[str, Any] = rebuild(read(path), like=like)
    return state


def model_of(state: Mapping[str, Any], model: Any = None) -> tuple[Any, dict[str, Any]]:
    """Return the model and the parameters of a state.

    Args:
        state: as `load_state` returns it.
        model: the model that it must hold, if only that will do.

    Raises:
        ValueError: if there is none, or another, or parameters that are not its own.
    """
    found: Any = state.get("model")
    params = state.get("params")
    if not hasattr(found, "init") or not isinstance(params, dict):
        msg = (
            f"load expected a state with 'model' and 'params', got {sorted(state)}. "
            "Read it with load_state."
        )
        raise ValueError(msg)
    if model is not None and found != model:
        msg = f"load expected a file with the model given, {_difference(model, found)}."
        raise ValueError(msg)
    check_params("load", params, found.init(key(0)))
    return found, params


def check_params(owner: str, params: Params, template: Params) -> None:
    """Raise ValueError unless params have the names and shapes of the template."""
    given, expected = dict(tree.items(params)), dict(tree.items(template))
    if given.keys() != expected.keys():
        msg = (
            f"{owner} expected the parameters of the model, got "
            f"{sorted(given.keys() - expected.keys())} beside them and "
            f"{sorted(expected.keys() - given.keys())} missing."
        )
        raise ValueError(msg)
    for name, array in expected.items():
        if tuple(np.shape(given[name])) != tuple(array.shape):
            msg = (
                f"{owner} expected parameter `{name}` of shape {tuple(array.shape)}, "
                f"got {tuple(np.shape(given[name]))}."
            )
            raise ValueError(msg)


def _difference(model: Any, found: Any) -> str:
    """Say where two descriptions first differ."""
    ours, theirs = (dict(_scalars(describe(m).content)) for m in (model, found))
    for place in [*ours, *theirs]:
        one, other = ours.get(place, "nothing"), theirs.get(place, "nothing")
        if one != other:
            return f"with {place} = {one!r}, got {other!r}"
    return "got other arrays in its description"


def _scalars(content: Any, place: str = "model") -> Any:
    if isinstance(content, dict):
        for name, part in content.items():
            inner = place if name == "$tuple" else f"{place}.{name.strip('$')}"
            yield from _scalars(part, inner)
    elif isinstance(content, list):
        for index, part in enumerate(content):
            yield from _scalars(part, f"{place}.{index}")
    else:
        yield place, content
