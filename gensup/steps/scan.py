"""scan and caption: what names and folders say, as records and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from gensup import captions, metadata
from gensup.clip import Clip
from gensup.errors import GensupError


def scan(root: Path | None = None, *, names: Path | None = None) -> tuple[Clip, ...]:
    """The clips under ``root``, or those that the file ``names`` lists (``machine/dir/filename`` a line).

    Raises:
        GensupError: neither or both are given, or the folder or file has none.
    """
    if (root is None) == (names is None):
        raise GensupError("nothing to scan" if root is None else "two things to scan", rule="give ROOT or --names FILE")
    if names is not None:
        return metadata.read_names(names)
    assert root is not None
    return metadata.scan(root)


def caption(
    root: Path | None = None,
    *,
    names: Path | None = None,
    condition: Literal["own", "normal", "anomaly", "both"] = "own",
    style: str = "paper",
    prompts: Path | None = None,
) -> Iterator[captions.CaptionRow]:
    """A caption for every clip, in its own condition (not said: normal) unless another is asked for.

    Raises:
        GensupError: nothing to scan, an unknown style, or a damaged overlay.
    """
    return captions.caption_rows(scan(root, names=names), condition=condition, style=style, overlay=prompts)
