"""Posteriors over one weight array, one file each."""

from varlayers.posteriors.mean_field_normal import MeanFieldNormal
from varlayers.posteriors.point import MeanOf, Point

__all__ = ["POSTERIORS", "MeanFieldNormal", "MeanOf", "Point"]

POSTERIORS = {"normal": MeanFieldNormal(), "point": Point()}
