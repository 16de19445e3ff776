"""Arrays as pictures: values by a colour map, in a small PNG."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Colours: TypeAlias = Literal["cividis", "magma", "red-blue", "greys"]

# Evenly spaced colours from low to high. Cividis (Nuñez et al. 2018, doi:10.1371/journal.pone.0199239) and magma rise
# evenly in lightness for whatever cones; red-blue is ColorBrewer's RdBu, reversed. The greys show on light and dark.
_ANCHORS: dict[Colours, str] = {
    "cividis": "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 "
    "dec958 f0d846 fee838",
    "magma": "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 fec488 "
    "fde2a3 fcfdbf",
    "red-blue": "053061 175290 2a71b2 3f8ec0 6bacd1 9bc9e0 c2ddec e0ecf3 f7f6f6 fbe5d8 fbccb4 f5aa89 e48066 d05548 "
    "ba2832 930e26 67001f",
    "greys": "d9dde3 48505c",
}  # fmt: skip
LEVELS = 255
NOTHING = LEVELS  # the index of a transparent pixel


def palette(colours: Colours) -> NDArray[np.uint8]:
    """(256, 3): ``LEVELS`` colours from low to high, and one for nothing."""
    anchors = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in _ANCHORS[colours].split()])
    along, at = np.linspace(0, 1, len(anchors)), np.linspace(0, 1, LEVELS)
    every = np.stack([np.rint(np.interp(at, along, anchors[:, channel])) for channel in range(3)], axis=1)
    return np.vstack([every, [[0, 0, 0]]]).astype(np.uint8)


def raster(values: NDArray[np.floating], scale: tuple[float, float], colours: Colours) -> str:
    """A data URI of (rows, columns) values, first row on top; NaN is transparent."""
    low, high = scale
    share = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    indices = np.where(np.isnan(share), NOTHING, np.rint(np.nan_to_num(share) * (LEVELS - 1))).astype(np.uint8)
    return "data:image/png;base64," + b64encode(_png(indices, palette(colours))).decode()


def _png(indices: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """An indexed PNG whose last colour is transparent."""
    height, width = indices.shape
    unfiltered = np.hstack([np.zeros((height, 1), np.uint8), indices]).tobytes()
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", colours.tobytes()),
        (b"tRNS", bytes([255] * LEVELS + [0])),
        (b"IDAT", zlib.compress(unfiltered, 9)),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
