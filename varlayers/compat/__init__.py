"""Faces: the names and defaults of other libraries over the layers of this one.

`bnn` is as `pyro.contrib.bnn`, `tfl` as `tfp.layers`, `tfn` as `tfp.experimental.nn`.
They are imported by name, `from varlayers.compat import tfn`; `import varlayers` alone
does not load them.
"""
