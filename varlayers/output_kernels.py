"""The passes of `Kernels` over the outputs of a layer: bias, noise, activation."""

from typing import Any

from varlayers.types import Array

__all__ = ["OutputKernels"]


class OutputKernels:
    """The part of `Kernels` that passes over outputs."""

    xp: Any

    def add_channels_(self, y: Array, b: Array) -> Array:
        """Return y + b, with y (..., c) and b (c,). May overwrite y."""
        return y + b

    def sum_channels(self, dy: Array) -> Array:
        """Return the sum of dy (..., c) over all axes but the last."""
        return self.xp.sum(dy, axis=tuple(range(dy.ndim - 1)))

    def relu(self, x: Array) -> Array:
        """Return max(x, 0), and NaN where x is NaN."""
        return self.xp.clip(x, 0.0, None)

    def relu_backward(self, y: Array, dy: Array) -> Array:
        """Return dy where y > 0, else 0, for y of `relu`."""
        return dy * self.xp.astype(y > 0, dy.dtype)  # three times as fast as `where`

    def local_noise(
        self, mean: Array, variance: Array, eps: Array
    ) -> tuple[Array, Array]:
        """Return y = mean + s eps and s = sqrt(variance)."""
        s = self.xp.sqrt(variance)
        return mean + s * eps, s

    def local_noise_backward(self, s: Array, eps: Array, dy: Array) -> Array:
        """Return the gradient by the variance, dy eps / (2 s), and 0 where s = 0."""
        xp = self.xp
        safe = xp.where(s > 0, s, xp.ones_like(s))
        return xp.where(s > 0, dy * eps / (2 * safe), xp.zeros_like(s))

    def log_softmax(self, logits: Array) -> Array:
        """Return logits - log Σ exp(logits), over the last axis."""
        xp = self.xp
        shifted = logits - xp.max(logits, axis=-1, keepdims=True)
        total = xp.sum(xp.exp(shifted), axis=-1, keepdims=True)
        return shifted - xp.log(total)

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Return the cross-entropy of rows and its gradient by the logits.

            value = -Σ targets log p        log p = log_softmax(logits)
            gradient = p Σ targets - targets

        with sums over the last axis, whose length is >= 1, and 0 log 0 = 0.
        """
        xp = self.xp
        log_p = self.log_softmax(logits)
        terms = targets * xp.where(targets == 0, xp.zeros_like(log_p), log_p)
        total = xp.sum(targets, axis=-1, keepdims=True)
        return -xp.sum(terms, axis=-1), xp.exp(log_p) * total - targets
