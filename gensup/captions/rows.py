"""Captions of many clips, as the command line and fine-tuning want them: one row each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gensup.captions.faults import FaultRow, faults_for
from gensup.captions.render import caption, speaks_of_faults
from gensup.clip import Clip, Condition
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """What one caption says of one clip; ``fault`` is a row of prompts/faults.yaml, None where none is spoken of."""

    path: str
    caption: str
    condition: Condition
    fault: str | None = None


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
    by_fault = condition in ("anomaly", "both") and speaks_of_faults(style, overlay)
    known: dict[str | None, tuple[FaultRow, ...]] = {}
    for clip in clips:
        if condition == "own":
            own: Condition = clip.condition or "normal"
            yield CaptionRow(clip.path, caption(clip, condition=own, style=style, overlay=overlay), own)
            continue
        if condition in ("normal", "both"):
            text = caption(clip, condition="normal", style=style, overlay=overlay)
            yield CaptionRow(clip.path, text, "normal")
        if condition in ("anomaly", "both"):
            if by_fault and clip.machine not in known:
                known[clip.machine] = faults_for(clip.machine, overlay)
            for fault in known.get(clip.machine) or (None,):
                text = caption(clip, condition="anomaly", style=style, fault=fault, overlay=overlay)
                yield CaptionRow(clip.path, text, "anomaly", fault.name if fault else None)
