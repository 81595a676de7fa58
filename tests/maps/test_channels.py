import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.maps.channels import Channels

LAST, FIRST = Channels(2, first=False), Channels(2, first=True)


@pytest.mark.parametrize("batch", [(), (5,), (0,), (2, 3)])
def test_order_of_axes(batch):
    for channels, shape in ((LAST, (*batch, 6, 7, 4)), (FIRST, (*batch, 4, 6, 7))):
        assert channels.split(shape) == (batch, (6, 7), 4)
        assert channels.join(batch, (6, 7), 4) == shape
        assert channels.canonical(shape) == (int(np.prod(batch, dtype=int)), 6, 7, 4)


@pytest.mark.parametrize("batch", [(), (5,), (0,), (2, 3)])
def test_enter_moves_channels_last_and_leave_brings_them_back(library, batch):
    x = np.random.default_rng(0).normal(size=(*batch, 6, 7, 4))
    moved = np.moveaxis(x, -1, -3)
    for channels, given in ((LAST, x), (FIRST, moved)):
        placed = library.asarray(given)
        k = kernels_for(placed)
        inside = channels.enter(k, placed)
        np.testing.assert_array_equal(
            library.to_numpy(inside), x.reshape(LAST.canonical(x.shape))
        )
        back = library.to_numpy(channels.leave(k, inside, batch))
        np.testing.assert_array_equal(back, given)


def test_check_of_axes_alone_and_of_positions():
    for shape in ((2, 3, 4, 5), (0, 3, 4, 5), (3, 4, 5)):
        LAST.check("Owner", shape)
        LAST.check_positions("Owner", shape)
    message = (
        r"Owner expected `x` of shape \(\.\.\., space, space, channels\), got \(3,"
    )
    with pytest.raises(ValueError, match=message):
        LAST.check("Owner", (3, 4))
    message = (
        r"Owner expected `x` of shape \(\.\.\., channels, space, space\), got \(3,"
    )
    with pytest.raises(ValueError, match=message):
        FIRST.check_positions("Owner", (3, 4))
    message = r"Owner expected `x` with at least one position, got \(0, 5\)\."
    with pytest.raises(ValueError, match=message):
        FIRST.check_positions("Owner", (2, 3, 0, 5))
