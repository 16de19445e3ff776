"""scan and caption: what names, folders and tables say, as records and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gensup import captions, metadata
from gensup.captions import tokens
from gensup.clip import Clip
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class Survey:
    """A tree, or a list of names: its clips, what it was taken for, and what there is to say of that."""

    clips: tuple[Clip, ...]
    layout: metadata.Layout
    notes: tuple[str, ...] = ()


def survey(
    root: Path | None = None,
    *,
    names: Path | None = None,
    pattern: str | None = None,
    attributes: Path | None = None,
) -> Survey:
    """Scan a tree, and join the attribute tables that lie in it and the table ``attributes``.

    A table of correspondences also says domain and condition where a name leaves them open (``section_00_0000.wav``).
    No role is known here: whoever has a target passes its clips through ``first_shot`` first, see ``steps.recordings``.

    Args:
        root: the folder; or else ``names``, a file of ``machine/dir/filename`` lines.
        pattern: how a user's own paths are to be read.

    Raises:
        GensupError: neither or both are given, the folder or file has no clips, or a table is damaged.
    """
    if (root is None) == (names is None):
        raise GensupError("nothing to scan" if root is None else "two things to scan", rule="give ROOT or --names FILE")
    misfits: list[tuple[str, str]] = []
    own = None if pattern is None else metadata.compiled(pattern)
    if names is not None:
        base, found = names.parent, metadata.read_names(names)
        if own is not None:
            read = [(clip.path, own.read(clip.path)) for clip in found]
            found = tuple(clip for _, clip in read if isinstance(clip, Clip))
            misfits = [(path, why) for path, why in read if isinstance(why, str)]
            if not found:
                raise GensupError("no name fits the pattern", where=str(names), value=pattern, rule=misfits[0][1])
        files: tuple[Path, ...] = ()
    else:
        assert root is not None
        root = Path(root)  # text is welcome, too
        base, found = root, metadata.scan(root, pattern=own, misfits=misfits)
        files = metadata.tables_below(root)
    asked = () if attributes is None else (attributes,)
    joined = metadata.join(base, found, files, named=asked, labels=True)
    return Survey(joined.clips, metadata.describe(base, found), (*metadata.left_out(misfits), *joined.lines()))


def scan(
    root: Path | None = None,
    *,
    names: Path | None = None,
    pattern: str | None = None,
    attributes: Path | None = None,
) -> tuple[Clip, ...]:
    """The clips of ``survey``: under ``root``, or those that the file ``names`` lists."""
    return survey(root, names=names, pattern=pattern, attributes=attributes).clips


def caption(
    root: Path | None = None,
    *,
    names: Path | None = None,
    pattern: str | None = None,
    condition: Literal["own", "normal", "anomaly", "both"] = "own",
    style: str = "paper",
    prompts: Path | None = None,
    limit: str | int | None = None,
    tokenizer: Path | None = None,
    truncate: bool = False,
    notes: list[str] | None = None,
) -> Iterator[captions.CaptionRow]:
    """A caption for every clip, in its own condition (not said: normal) unless another is asked for.

    Tables are joined to clips that no name or folder puts into the test: what a released table says of a test clip may
    be its label.

    Args:
        limit: tokens that a text encoder takes, or its name (clap, t5); None with ``tokenizer``: what that says.
        tokenizer: folder of the encoder's tokenizer, to count with; without it tokens are estimated from above.
        truncate: cut what is over the limit at the end of a word, instead of refusing it.
        pattern: how a user's own paths are to be read; those that do not fit are left out.
        notes: is given what there is to say of clips left out.

    Returns:
        Rows; ``CountedRow`` ones where a limit or a tokenizer is given, and then checked before the first is given.

    Raises:
        GensupError: nothing to scan, an unknown style, a damaged overlay, or captions over the limit.
    """
    misfits: list[tuple[str, str]] = []
    if root is None or names is not None:
        listed = survey(root, names=names, pattern=pattern)
        clips, said = listed.clips, listed.notes
    else:
        own = None if pattern is None else metadata.compiled(pattern)
        found = metadata.scan(Path(root), pattern=own, misfits=misfits)
        said = metadata.left_out(misfits)
        trained = [clip for clip in found if clip.split == "train"]
        machines = {clip.machine for clip in found if clip.machine}
        joined = metadata.join(Path(root), trained, metadata.tables_below(Path(root)), machines=machines).clips
        with_rows = {clip.path: clip for clip in joined}
        clips = tuple(with_rows.get(clip.path, clip) for clip in found)
    if notes is not None:
        notes.extend(said)
    rows = captions.caption_rows(clips, condition=condition, style=style, overlay=prompts)
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
