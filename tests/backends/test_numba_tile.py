"""Tiles of every size against their definition, for this and for other processors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers_backends import numba_tile
from varlayers_backends.numba_tile import HEIGHT, lanes_of

RUNS = np.array([0, 90, 30])
LENGTH = 7


def compiled(tile):
    @njit
    def call(height, vectors, a, runs, a_step, b, b_step, c, c_step, add):
        a_part, b_part = (a, 3, runs, a_step), (b, 5, b_step)
        tile(height, vectors, a_part, b_part, (c, 2, c_step), LENGTH, add)

    return call


TILES = {name: compiled(getattr(numba_tile, name)) for name in ("rows", "columns")}


def expected(name, height, width, a, a_step, b, b_step):
    """Return C by the definition, in float64."""
    total = np.zeros((height, width))
    for r, run in enumerate(RUNS):
        for k in range(LENGTH):
            part = b[5 + (r * LENGTH + k) * b_step :][:width].astype("float64")
            for t in range(height):
                move = t * a_step + k if name == "rows" else k * a_step + t
                total[t] += a[3 + run + move] * part
    return total


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_of_dot_products_are_their_definition(dtype):
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 2000)).astype(dtype)
    lanes = lanes_of(a.dtype)
    for height in range(1, HEIGHT + 1):
        actual, desired = c.copy(), c.astype("float64")
        TILES["rows"](height, 0, a, RUNS, 5, b, lanes, actual, 3, False)
        for t in range(height):
            desired[2 + 3 * t] = sum(
                a[3 + run + t * 5 :][: LENGTH * lanes].astype("float64")
                @ b[5 + r * LENGTH * lanes :][: LENGTH * lanes]
                for r, run in enumerate(RUNS)
            )
        tolerance = 1e-4 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TILES)
def test_every_tile_is_its_definition(name, dtype, add):
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 2000)).astype(dtype)
    for height in range(1, HEIGHT + 1):
        for vectors in (1, 2):
            width = vectors * lanes_of(a.dtype)
            steps = (5 if name == "rows" else HEIGHT + 2, width + 3, width + 1)
            actual, desired = c.copy(), c.astype("float64")
            TILES[name](
                *(height, vectors, a, RUNS, steps[0]),
                *(b, steps[1], actual, steps[2], add),
            )
            for t, row in enumerate(
                expected(name, height, width, a, steps[0], b, steps[1])
            ):
                place = slice(2 + t * steps[2], 2 + t * steps[2] + width)
                desired[place] = row + (desired[place] if add else 0)
            tolerance = 1e-4 if dtype == "float32" else 1e-12
            np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance)


FILES = ("test_numba_tile.py", "test_numba_convolution.py")
PROCESSORS = {
    "avx2": ("haswell", "+avx,+avx2,+fma", (8, 4)),
    "sse": ("generic", "+sse2", (4, 2)),
}


@pytest.mark.slow
@pytest.mark.skipif(
    not numba_tile.llvm.get_host_cpu_features().get("avx2", False),
    reason="the processor has no AVX2",
)
@pytest.mark.parametrize(
    ("name", "features", "lanes"), PROCESSORS.values(), ids=PROCESSORS
)
def test_of_other_processors_pass(name, features, lanes):
    """numba compiles for them in a process of its own."""
    if "NUMBA_CPU_NAME" in os.environ:
        pytest.skip("this is that process")
    chosen = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    tell = "from varlayers_backends.numba_tile import lanes_of; import numpy as np;"
    tell += "print(*(lanes_of(np.dtype(t)) for t in ('f4', 'f8')))"
    told, _ = (
        subprocess.run(
            [sys.executable, *command],
            env={**os.environ, **chosen},
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        for command in (
            ("-c", tell),
            ("-m", "pytest", "-q", "-n0", "-x", *FILES),
        )
    )
    assert tuple(map(int, told.stdout.split())) == lanes
