"""`tfp.experimental.nn.util`: what of it has a meaning here, by its names there.

Functions that return parts of a `Sequential` return layers; the others are plain. What
is left out says where to find the same.
"""

from typing import Any

from varlayers.compat.naming import absent
from varlayers.compat.tfn.util.functions import (
    expand_dims,
    flatten_rightmost,
    halflife_decay,
    make_fit_op,
    trace,
)
from varlayers.compat.tfn.weights import (
    make_kernel_bias,
    make_kernel_bias_posterior_mvn_diag,
    make_kernel_bias_prior_spike_and_slab,
)

__all__ = [
    "expand_dims",
    "flatten_rightmost",
    "halflife_decay",
    "make_fit_op",
    "make_kernel_bias",
    "make_kernel_bias_posterior_mvn_diag",
    "make_kernel_bias_prior_spike_and_slab",
    "trace",
]

_PATCHES = "Convolutions here make no patches; vl.Convolution has every padding."
_ELSEWHERE = {
    "CallOnce": "Use functools.cache; parameters here are arrays, made once.",
    "RandomVariable": "A layer's `posterior_value` is the draw of its latest call.",
    "batchify_op": "Every layer here takes any number of leading axes.",
    "display_imgs": "Use matplotlib's imshow.",
    "im2row": _PATCHES,
    "im2row_index": _PATCHES,
    "make_convolution_fn": _PATCHES,
    "make_convolution_transpose_fn_with_dilation": _PATCHES,
    "make_convolution_transpose_fn_with_subkernels": _PATCHES,
    "make_convolution_transpose_fn_with_subkernels_matrix": _PATCHES,
    "prepare_conv_args": "Layers check their arguments when they are made.",
    "prepare_tuple_argument": "Layers check their arguments when they are made.",
    "tfcompile": "Under JAX use jax.jit; other libraries run what is called.",
    "tune_dataset": "It is for tf.data; vl.fit shuffles and batches arrays.",
    "variables_load": "Use the layer's `load`, or its `set_weights`.",
    "variables_save": "Use the layer's `save`, or its `get_weights`.",
    "variables_summary": "Use the layer's `summary`.",
}


def __getattr__(name: str) -> Any:
    msg = absent(__name__, name, _ELSEWHERE)
    raise AttributeError(msg)
