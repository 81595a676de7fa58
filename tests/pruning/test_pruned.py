"""The table of what went, against its numbers."""

import re

import numpy as np

import varlayers as vl
from varlayers.pruning import Count, Pruned

COUNTS = (
    Count("0.kernel", "Convolution", (3, 3, 1, 8), 72, 18),
    Count("4.kernel", "Dense", (100, 20), 2000, 2000),
)


def test_every_line():
    pruned = Pruned(vl.Flatten(), {}, {}, COUNTS)
    lines = [re.split(r"\s{2,}", line.strip()) for line in pruned.table.split("\n")]
    assert lines == [
        ["Name", "Layer", "Shape", "Weights", "Pruned", "Kept", "Gone"],
        ["-" * len(pruned.table.split("\n")[0])],
        ["0.kernel", "Convolution", "(3, 3, 1, 8)", "72", "18", "54", "25.0%"],
        ["4.kernel", "Dense", "(100, 20)", "2,000", "2,000", "0", "100.0%"],
        ["-" * len(pruned.table.split("\n")[0])],
        ["Total", "2,072", "2,018", "54", "97.4%"],
    ]
    assert pruned.sparsity == 2018 / 2072


def test_without_weights_there_is_a_total_of_none():
    pruned = Pruned(vl.Flatten(), {}, {}, ())
    assert pruned.table.split("\n")[-1].split() == ["Total", "0", "0", "0"]
    assert pruned.sparsity == 0


def test_the_table_is_the_same_on_every_library(library):
    layer = vl.Dense(3, 2)
    params = layer.init(vl.key(0), np.zeros(0))
    desired = vl.prune(layer, params, fraction=0.5).table
    assert vl.prune(layer, library.tree(params), fraction=0.5).table == desired
