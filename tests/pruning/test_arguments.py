"""Every argument that `prune` refuses, and why."""

import numpy as np
import pytest

import varlayers as vl

LAYER = vl.Dense(3, 2)
PARAMS = LAYER.init(vl.key(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"one of `fraction` and `threshold`, got fraction=None and thr"),
        ({"fraction": 0.5, "threshold": 1}, r"one of .* got fraction=0\.5 and thr.*=1"),
        ({"fraction": 1.5}, r"0 <= `fraction` <= 1, got 1\.5"),
        ({"fraction": -0.1}, r"0 <= `fraction` <= 1, got -0\.1"),
        ({"fraction": np.nan}, r"0 <= `fraction` <= 1, got nan"),
        ({"threshold": -1.0}, r"`threshold` >= 0, got -1\.0"),
        ({"threshold": np.nan}, r"`threshold` >= 0, got nan"),
        ({"threshold": np.nan, "criterion": "log alpha"}, r"a number .*, got nan"),
        ({"fraction": 0.5, "criterion": "size"}, r"`criterion` in .*'snr'.* 'size'"),
        ({"fraction": 0.5, "scope": "all"}, r"`scope` in \['global', 'layer'\], got"),
        ({"fraction": 0.5, "to": "point"}, r"`to` in \['deterministic', 'same'\]"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=f"^prune expected {message}"):
        vl.prune(LAYER, PARAMS, **arguments)


def test_parameters_are_a_dict():
    with pytest.raises(TypeError, match=r"prune expected `params`.* got tuple"):
        vl.prune(LAYER, (PARAMS,), fraction=0.5)
