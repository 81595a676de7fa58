"""Names and keys of layers that hold their state; names that a face has not.

A layer without a name gets that of its class, numbered from the second on. Its key is
the seed's child for the name, so that layers of one shape and seed start different,
and a name makes a layer the same again, whatever else was made before it.

    key = child crc32(name) of the seed
"""

import re
from collections import Counter
from collections.abc import Mapping
from secrets import randbits
from zlib import crc32

from varlayers.random import Source, fold_in
from varlayers.random import key as make_key

__all__ = ["absent", "key_of", "name_of"]

_COUNTS: Counter[str] = Counter()


def name_of(cls: type, name: str | None) -> str:
    """Return the name, or one in snake case that no other layer has been given."""
    if name is not None:
        return name
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9]D)(?=[A-Z])", " ", cls.__name__)
    base = words.replace(" ", "_").lower()
    number = _COUNTS[base]
    _COUNTS[base] += 1
    return f"{base}_{number}" if number else base


def key_of(seed: int | Source | None, name: str) -> Source:
    """Return the key of a layer; without a seed it differs from run to run."""
    if seed is None:
        seed = randbits(64)
    parent = seed if isinstance(seed, tuple) else make_key(seed)
    return fold_in(parent, crc32(name.encode()))


def absent(module: str, name: str, elsewhere: Mapping[str, str]) -> str:
    """Return what to say of a name that a module has not: where else it is."""
    more = f" {elsewhere[name]}" if name in elsewhere else ""
    return f"{module} has no {name!r}.{more}"
