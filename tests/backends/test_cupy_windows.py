"""The struct of a window is the one that the CUDA source declares."""

import re

import pytest
from support.cuda import launcher

from varlayers.windows import Window
from varlayers_backends.cupy_windows import SLIDING, sliding


def test_struct_is_that_of_the_source():
    body = re.search(r"struct Sliding \{(.*?)\}", launcher().source(), re.DOTALL)[1]
    assert re.findall(r"(\w+)(?:\[3\])?[,;]", body) == list(SLIDING.names)
    assert SLIDING.itemsize == 4 * (3 * body.count("[3]") + 1)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_missing_axes_have_one_entry(rank):
    window = Window((2,) * rank, (3,) * rank, ((4, 5),) * rank)
    told, shape = sliding((7, *(9,) * rank, 6), (2,) * rank, window)
    assert shape == (7, *(8,) * rank, 6)
    for name, value, default in (
        *(("space", 9, 1), ("out", 8, 1), ("filter", 2, 1)),
        *(("strides", 2, 1), ("dilations", 3, 1), ("lows", 4, 0)),
    ):
        assert told[name].tolist() == [default] * (3 - rank) + [value] * rank
    assert told["channels"] == 6
