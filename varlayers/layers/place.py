"""Where in a model an error arose: containers put the place before the message.

    Dense expected `x` of shape (..., 4), got (2, 3).                in the layer
    Layer 'inner.0': Dense expected `x` of shape (..., 4), got …     out of a Residual
    Layer '2.inner.0': Dense expected `x` of shape (..., 4), got …   out of a Sequential

The place is the dotted name of the layer's parameters. The error itself goes on, with
its kind and its traceback; a kind with a message of its own making is left alone.
"""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["within"]

_T = TypeVar("_T")
_BEGINNING = "Layer '"


def within(name: str, method: Callable[..., _T], *arguments: object) -> _T:
    """Return method(*arguments) of the layer `name`; what it raises says so."""
    try:
        return method(*arguments)
    except (TypeError, ValueError) as error:
        if type(error) in (TypeError, ValueError):
            error.args = (_placed(name, str(error)),)
        raise


def _placed(name: str, message: str) -> str:
    inner = message.removeprefix(_BEGINNING)
    if inner != message:
        return f"{_BEGINNING}{name}.{inner}"
    return f"{_BEGINNING}{name}': {message}"
