"""Bilinear maps f(x, w) with both adjoints, one file each."""

from varlayers.maps.matmul import MATMUL, Matmul

__all__ = ["MAPS", "MATMUL", "Matmul"]

MAPS = {"matmul": MATMUL}
