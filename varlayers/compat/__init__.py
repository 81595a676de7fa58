"""Faces: the names and defaults of other libraries over the layers of this one.

`bnn` is as `pyro.contrib.bnn`, `tfl` as `tfp.layers`. They are imported by name,
`from varlayers.compat import bnn`; `import varlayers` alone does not load them.
"""
