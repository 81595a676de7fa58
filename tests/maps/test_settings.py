"""What a convolution cannot be told."""

import re

import pytest

from varlayers.maps import Convolution


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "`rank` >= 1, got 0."),
        ({"strides": 0}, "`strides` >= 1, got 0."),
        ({"strides": (1, 0)}, "`strides` >= 1, got 0."),
        ({"strides": (1, 2, 3)}, "`strides` with one integer or 2, one for each axis"),
        ({"dilations": -1}, "`dilations` >= 1, got -1."),
        ({"dilations": (1,)}, "`dilations` with one integer or 2, one for each axis"),
        ({"groups": 0}, "`groups` >= 1, got 0."),
        ({"padding": "full"}, "`padding` in ('anticausal', 'causal', 'same', 'valid')"),
        ({"padding": "causal"}, "`padding` other than 'causal' for rank 2."),
        ({"padding": "anticausal"}, "`padding` other than 'anticausal' for rank 2."),
        ({"padding": -1}, "`padding` >= 0, got -1."),
        ({"padding": ((0, -1), 0)}, "`padding` >= 0, got ((0, -1), 0)."),
        ({"padding": (1, 2, 3)}, "`padding` with an integer or (low, high) for each"),
        ({"padding": ((1, 2, 3), 1)}, "`padding` with an integer or (low, high) for"),
        (
            {"rank": 1, "padding": (1, 2)},
            "`padding` with an integer or (low, high) for each of 1 axes, got (1, 2).",
        ),
        (
            {"data_format": "NHWC"},
            "`data_format` in ('channels_first', 'channels_last')",
        ),
    ],
)
def test_refuses_values(options, message):
    with pytest.raises(ValueError, match=re.escape(f"Convolution expected {message}")):
        Convolution(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 2.0}, "an integer `rank`, got 2.0."),
        ({"strides": 1.5}, "an integer `strides`, got 1.5."),
        ({"strides": (1, True)}, "an integer `strides`, got True."),
        ({"dilations": "12"}, "an integer `dilations`, got '1'."),
        ({"padding": ((0, 0.5), 1)}, "integers in `padding`, got ((0, 0.5), 1)."),
        ({"padding": ((True, 0), 1)}, "integers in `padding`, got ((True, 0), 1)."),
        ({"padding": (None, 0)}, "integers in `padding`, got (None, 0)."),
        ({"padding": 0.5}, "integers in `padding`, got 0.5."),
        ({"groups": None}, "an integer `groups`, got None."),
    ],
)
def test_refuses_kinds(options, message):
    with pytest.raises(TypeError, match=re.escape(f"Convolution expected {message}")):
        Convolution(**options)
