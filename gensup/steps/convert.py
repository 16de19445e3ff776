"""convert: a pickled checkpoint becomes safetensors, once, by somebody who trusts it."""

from __future__ import annotations

from pathlib import Path

from gensup.detection import conversion
from gensup.detection.conversion import Converted

__all__ = ["Converted", "convert"]


def convert(
    source: Path, out: Path, *, trust: bool = False, name: str | None = None, licence: str = "not said"
) -> Converted:
    """Make weights that a frontend can be given of a BEATs ``.pt``, or of a transformers' folder.

    Args:
        source: Microsoft's file, or a folder with config.json and pytorch_model.bin.
        out: the folder of weights, which ``tune``, ``fit`` and ``score`` are given.
        trust: reading such a file can run code that its maker put there; nothing is read without this.
        name: of the checkpoint; the source's unless said.
        licence: of the weights, written beside them.

    Raises:
        GensupError: not trusted, unreadable, or no checkpoint that a frontend knows.
    """
    return conversion.convert(Path(source), Path(out), trust=trust, licence=licence, name=name)
