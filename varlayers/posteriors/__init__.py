"""Posteriors over one weight array, one file each."""

from varlayers.posteriors.full_covariance_normal import FullCovarianceNormal
from varlayers.posteriors.low_rank_normal import LowRankNormal
from varlayers.posteriors.matrix_normal import MatrixNormal
from varlayers.posteriors.mean_field_laplace import MeanFieldLaplace
from varlayers.posteriors.mean_field_normal import MeanFieldNormal
from varlayers.posteriors.multiplicative_normal import MultiplicativeNormal
from varlayers.posteriors.point import MeanOf, Point
from varlayers.posteriors.radial import Radial
from varlayers.posteriors.rank1_normal import Rank1Normal

__all__ = [
    "POSTERIORS",
    "FullCovarianceNormal",
    "LowRankNormal",
    "MatrixNormal",
    "MeanFieldLaplace",
    "MeanFieldNormal",
    "MeanOf",
    "MultiplicativeNormal",
    "Point",
    "Radial",
    "Rank1Normal",
]

POSTERIORS = {
    "full-covariance normal": FullCovarianceNormal(),
    "laplace": MeanFieldLaplace(),
    "low-rank normal": LowRankNormal(),
    "matrix normal": MatrixNormal(),
    "multiplicative normal": MultiplicativeNormal(),
    "normal": MeanFieldNormal(),
    "point": Point(),
    "radial": Radial(),
    "rank-1 normal": Rank1Normal(),
}
