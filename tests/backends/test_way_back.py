"""The way back visits, for every entry of x, exactly the outputs that met it."""

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS

from varlayers.windows import out_space, output_length, span_of
from varlayers_backends.way_back import way_back


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_pairs_of_input_and_output_are_those_of_the_convolution(name):
    """Axis by axis: j and i belong together where j = i s + m d - low for some m."""
    space, filter_shape, window, _ = CONVOLUTIONS[name]
    out = out_space(space, filter_shape, window)
    back = way_back(out, (*filter_shape, 1, 1), (1, *space, 1), window)
    for axis, (n, size) in enumerate(zip(space, filter_shape, strict=True)):
        s, d, low = (*(part[axis] for part in window[:2]), window.pads[axis][0])
        met = np.zeros((n, out[axis]), int)
        for i in range(out[axis]):
            for m in range(size):
                if 0 <= i * s + m * d - low < n:
                    met[i * s + m * d - low, i] += 1
        np.testing.assert_array_equal(pairs(back, axis, n, out[axis], size, d), met)


def pairs(back, axis, n, out, size, dilation):
    """Return how often the way back lets x[j] meet y[i]."""
    stride, (low, high) = back.strides[axis], back.window.pads[axis]
    spread = back.window.dilations[axis]
    taps = size if stride == 1 else -(-span_of(size, dilation) // stride)
    assert (
        output_length(out, span_of(taps, spread), 1, (low, high)) == back.counts[axis]
    )
    met = np.zeros((n, out), int)
    for j in range(n):
        t, p = divmod(j + back.starts[axis], stride)
        for tap in range(taps):
            i, q = t + tap * spread - low, taps - 1 - tap  # the taps are reversed
            offset = q * stride + p
            real = stride == 1 or (offset % dilation == 0 and offset < size * dilation)
            if 0 <= i < out and real:
                met[j, i] += 1
    return met
