"""Step times of varlayers beside its peers and the floor; `python -m benchmarks`."""
