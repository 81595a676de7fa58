"""Sphinx configuration: `sphinx-build -W docs docs/_build`."""

from varlayers import __version__

project = "varlayers"
author = "The varlayers developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
html_theme = "furo"
html_title = "varlayers"
