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
