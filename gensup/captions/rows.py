"""Captions of many clips, as the command line and fine-tuning want them: one row each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gensup.captions.faults import faults_for
from gensup.captions.render import caption, speaks_of_faults
from gensup.captions.tokens import Limit, checked, count
from gensup.clip import Clip, Condition
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """What one caption says of one clip; ``fault`` is a row of prompts/faults.yaml, None where none is spoken of."""

    path: str
    caption: str
    condition: Condition
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class CountedRow(CaptionRow):
    """A caption within a limit: its tokens, whether that number is exact, and whether its end was cut."""

    tokens: int = 0
    exact: bool = False
    cut: bool = False


def caption_rows(
    clips: Iterable[Clip],
    *,
    condition: Literal["own", "normal", "anomaly", "both"] = "own",
    style: str = "paper",
    overlay: Path | None = None,
) -> Iterator[CaptionRow]:
    """Captions of clips, in order.

    ``own``: one row a clip in its own condition (not said: normal). ``anomaly`` and ``both`` ask what the clip would be
    called if it were faulty: one row for each fault its machine may have, where the style says which fault it is.

    Raises:
        GensupError: unknown condition or style, or a template or row that breaks a rule.
    """
    if condition not in ("own", "normal", "anomaly", "both"):
        raise GensupError(
            "unknown condition", where="--condition", value=condition, rule="known: own, normal, anomaly, both"
        )
    if condition == "own":
        kinds: tuple[Condition, ...] = ()
    else:
        kinds = ("normal", "anomaly") if condition == "both" else (condition,)
    by_fault = "anomaly" in kinds and speaks_of_faults(style, overlay)
    # A caption is of a machine and its attributes, of which there are few; clips are many.
    made: dict[tuple[object, ...], tuple[tuple[str, Condition, str | None], ...]] = {}
    for clip in clips:
        wanted = kinds or (clip.condition or "normal",)
        key = (clip.machine, clip.attributes, wanted)
        if key not in made:
            faults = (faults_for(clip.machine, overlay) if by_fault else ()) or (None,)
            made[key] = tuple(
                (
                    caption(clip, condition=kind, style=style, fault=fault, overlay=overlay),
                    kind,
                    fault.name if fault else None,
                )
                for kind in wanted
                for fault in (faults if kind == "anomaly" else (None,))
            )
        for text, kind, fault_name in made[key]:
            yield CaptionRow(clip.path, text, kind, fault_name)


def counted_rows(rows: Iterable[CaptionRow], limit: Limit, *, truncate: bool = False) -> Iterator[CountedRow]:
    """Rows as a text encoder takes them, in order; all are checked before the first is given.

    Raises:
        GensupError: as ``tokens.checked``, or a caption that is cut so short that it says normal and anomaly alike.
    """
    rows = tuple(rows)
    given = checked((row.caption for row in rows), (limit,), truncate=truncate)
    said: dict[str, CaptionRow] = {}
    for row in rows:
        text = given[row.caption]
        other = said.setdefault(text, row)
        if other.condition != row.condition:
            raise GensupError(
                "cut, a caption no longer says the condition",
                where=row.path,
                value=text,
                rule="normal and anomaly differ in the words for the condition",
                remedy="write the condition to the template's beginning, or allow more tokens",
            )
    counts = {text: count(text, limit.tokenizer) for text in said}
    return (
        CountedRow(
            row.path, text := given[row.caption], row.condition, row.fault, *counts[text], cut=text != row.caption
        )
        for row in rows
    )
