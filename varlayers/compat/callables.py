"""What a user of another library passes as a function, with its gradient.

Gradients here are derived by hand, so a function alone is not enough: it comes by a
name that the library knows, or together with its derivative. A function of a
distribution is called once with a placeholder, which records what is asked for.
"""

from typing import Any

from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.checks import lookup

__all__ = ["activation_of", "tensor_of"]


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


class _Asked:
    """A distribution that says what is asked of it."""

    def sample(self, *, seed: Any = None) -> str:
        return "sample"

    def mean(self) -> str:
        return "mean"


def tensor_of(owner: str, argument: str, value: Any) -> str:
    """Return "sample" or "mean", which a tensor function asks for.

    Raises:
        TypeError: if it asks for something else.
    """
    found = value
    if callable(value):
        try:
            found = value(_Asked())
        except (AttributeError, TypeError):
            found = None
    if isinstance(found, str) and found in ("sample", "mean"):
        return found
    msg = (
        f"{owner} expected `{argument}` to be 'sample' or 'mean', or a function that "
        f"returns d.sample() or d.mean(), got {value!r}."
    )
    raise TypeError(msg)
