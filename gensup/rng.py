"""Randomness by name: a seed is the hash of what it is for, so no order of work and no global state can change it."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from gensup.clip import Json


def digest(*names: Json, size: int = 16) -> str:
    """Hexadecimal blake2b of the names' canonical JSON: the id of whatever they describe. ``size`` is in bytes."""
    text = json.dumps(names, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # backslashreplace: a file name's stray bytes are lone surrogates, which UTF-8 cannot say.
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=size).hexdigest()


def seed(*names: Json) -> int:
    """A 63-bit seed for the thing that the names describe."""
    return int(digest(*names, size=8), 16) >> 1


def generator(*names: Json) -> np.random.Generator:
    """A fresh NumPy generator for the thing that the names describe."""
    import numpy as np

    return np.random.default_rng(seed(*names))
