"""Normal likelihood whose scale is predicted: noise that depends on the input.

    forward                       backward
    m, raw = halves of outputs    d_outputs = (dm, draw)
    s = softplus(raw) + shift     draw = slope ∘ ds,   slope = sigmoid(raw)

Shapes: outputs (n, ..., 2d), the first d channels the mean, the others raw; targets and
mean (n, ..., d).

Without a least scale the likelihood is unbounded: a network that fits one example
exactly gains without end by shrinking its scale.

Reference: Nix & Weigend (1994), "Estimating the mean and variance of the target
probability distribution".
"""

from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.likelihoods.normal import NormalKind
from varlayers.types import Array, Params, Saved

__all__ = ["HeteroscedasticNormal"]


@dataclass(frozen=True)
class HeteroscedasticNormal(NormalKind):
    """Outputs are means and raw scales, along the last axis. No parameters.

    Args:
        shift: what is added to softplus(raw), >= 0, in units of the targets: the least
            scale that can be predicted.

    Raises:
        ValueError: if `shift` is negative, or by its methods, if the last axis is odd.
    """

    shift: float = 1e-3

    def __post_init__(self) -> None:
        if not self.shift >= 0:
            msg = f"HeteroscedasticNormal expected `shift` >= 0, got {self.shift}."
            raise ValueError(msg)

    def init(self, like: Array | None = None) -> dict[str, Array]:
        return {}

    def split(self, k: Kernels, params: Params, outputs: Array) -> Saved:
        if outputs.ndim < 2 or outputs.shape[-1] % 2:
            msg = (
                "HeteroscedasticNormal expected `outputs` of shape (n, ..., 2 d), "
                f"got {tuple(outputs.shape)}. Each target needs a mean and a raw scale."
            )
            raise ValueError(msg)
        half = outputs.shape[-1] // 2
        scale, slope = k.softplus(outputs[..., half:])
        return outputs[..., :half], scale + self.shift, slope

    def join(
        self, k: Kernels, dm: Array, ds: Array, slope: Array
    ) -> tuple[Array, dict[str, Array]]:
        return k.xp.concat([dm, slope * ds], axis=-1), {}
