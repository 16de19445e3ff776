"""scan and caption: what names and folders say, as records and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from gensup import captions, metadata
from gensup.captions import tokens
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
    limit: str | int | None = None,
    tokenizer: Path | None = None,
    truncate: bool = False,
) -> Iterator[captions.CaptionRow]:
    """A caption for every clip, in its own condition (not said: normal) unless another is asked for.

    Args:
        limit: tokens that a text encoder takes, or its name (clap, t5); None with ``tokenizer``: what that says.
        tokenizer: folder of the encoder's tokenizer, to count with; without it tokens are estimated from above.
        truncate: cut what is over the limit at the end of a word, instead of refusing it.

    Returns:
        Rows; ``CountedRow`` ones where a limit or a tokenizer is given, and then checked before the first is given.

    Raises:
        GensupError: nothing to scan, an unknown style, a damaged overlay, or captions over the limit.
    """
    rows = captions.caption_rows(scan(root, names=names), condition=condition, style=style, overlay=prompts)
    if limit is None and tokenizer is None:
        if truncate:
            raise GensupError("nothing to cut to", where="--truncate", rule="give --limit or --tokenizer")
        return rows
    counter = None
    if tokenizer is not None:
        from gensup.synthesis.tokenizer import load_tokenizer

        counter = load_tokenizer(Path(tokenizer))
    if limit is not None:
        encoder = str(limit) if limit in tokens.LIMITS else "--limit"
        most = tokens.Limit(tokens.tokens_of(str(limit)), counter, encoder)
    else:
        assert counter is not None
        most = tokens.Limit.of(counter, "--tokenizer")
    return captions.counted_rows(rows, most, truncate=truncate)
