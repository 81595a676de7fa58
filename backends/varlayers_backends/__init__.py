"""Kernels for single array libraries, one file each, loaded on first use by name.

A class here subclasses `varlayers.kernels.Kernels` and overrides what its library does
faster or what the array API standard lacks. `varlayers.dispatch` holds the table.
"""
