"""Sphinx configuration: `sphinx-build -W docs docs/_build`."""

import re
from collections.abc import Iterator
from typing import Any

from varlayers import __version__

project = "varlayers"
author = "The varlayers developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
default_role = "code"
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
napoleon_use_ivar = True
html_theme = "furo"
html_title = "varlayers"

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Example|Reference|Yields):")


def setup(app: Any) -> None:
    """Let Sphinx read docstrings that are written to be read in a terminal."""
    app.connect("autodoc-process-docstring", _as_restructured_text, priority=100)


def _as_restructured_text(*arguments: Any) -> None:
    lines = arguments[-1]
    lines[:] = list(_converted(lines))


def _converted(lines: list[str]) -> Iterator[str]:
    """Yield the lines with tables as literal blocks and prose free of markup."""
    in_section = in_table = False
    for before, line in zip(["", *lines], lines, strict=False):
        indented = line.startswith("    ")
        if line and not indented:
            in_section, in_table = bool(_SECTION.match(line)), False
        elif indented and not in_section and not in_table and not before:
            in_table = True
            yield from ("::", "")
        yield line if in_table or ">>>" in line else _escaped(line)


def _escaped(line: str) -> str:
    parts = line.split("`")
    parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
