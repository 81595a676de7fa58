"""What is packed comes back."""

import json

import numpy as np

import varlayers as vl
from varlayers.compat.tfl.packing import pack, unpack


def test_pack_is_json_and_comes_back():
    value = {"prior": vl.NormalPrior(np.array([0.5, 1.0])), "size": (3, 2)}
    assert unpack(json.loads(json.dumps(pack(value)))) == value
    assert pack("relu") == "relu"
