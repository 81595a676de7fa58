"""Posteriors over one weight array, one file each."""

from varlayers.posteriors.full_covariance_normal import FullCovarianceNormal
from varlayers.posteriors.mean_field_normal import MeanFieldNormal
from varlayers.posteriors.point import MeanOf, Point

__all__ = ["POSTERIORS", "FullCovarianceNormal", "MeanFieldNormal", "MeanOf", "Point"]

POSTERIORS = {
    "full-covariance normal": FullCovarianceNormal(),
    "normal": MeanFieldNormal(),
    "point": Point(),
}
