"""Bilinear maps f(x, w) with both adjoints, one file each."""

from varlayers.maps.bilinear_map import BilinearMap
from varlayers.maps.convolution import CONVOLUTION, Convolution
from varlayers.maps.convolution_transpose import (
    CONVOLUTION_TRANSPOSE,
    ConvolutionTranspose,
)
from varlayers.maps.matmul import MATMUL, Matmul

__all__ = [
    "CONVOLUTION",
    "CONVOLUTION_TRANSPOSE",
    "MAPS",
    "MATMUL",
    "BilinearMap",
    "Convolution",
    "ConvolutionTranspose",
    "Matmul",
]

MAPS = {
    "convolution": CONVOLUTION,
    "convolution_transpose": CONVOLUTION_TRANSPOSE,
    "matmul": MATMUL,
}
