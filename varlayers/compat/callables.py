"""What a user of another library passes as a function, with its gradient.

Gradients here are derived by hand, so a function alone is not enough: it comes by a
name that the library knows, or together with its derivative.
"""

from typing import Any

from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.checks import lookup

__all__ = ["activation_of"]


def activation_of(owner: str, argument: str, value: Any) -> Elementwise:
    """Return the activation that a name or a pair of functions stands for.

    Args:
        owner: who takes it, for the messages.
        argument: of the owner.
        value: a name in `ACTIVATIONS`, or an `Elementwise` pair.

    Raises:
        TypeError: if it is a function without its derivative, or something else.
        ValueError: if the name is unknown.
    """
    found = lookup(owner, argument, value, ACTIVATIONS)
    if isinstance(found, Elementwise):
        return found
    name = getattr(value, "__name__", None)
    if name in ACTIVATIONS:
        advice = f"Pass its name, {name!r}."
    else:
        advice = (
            "Pass varlayers.activations.Elementwise(forward, backward), as in "
            "docs/how-to/extend.md."
        )
    msg = (
        f"{owner} expected `{argument}` with its derivative, one of "
        f"{sorted(ACTIVATIONS)} or an Elementwise pair, got {name or value!r}. {advice}"
    )
    raise TypeError(msg)
