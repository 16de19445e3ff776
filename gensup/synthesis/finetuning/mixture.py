"""Which caption a clip is trained under at which row of which step: four kinds of them, in fixed shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gensup.captions.damages import named_fault
from gensup.captions.render import caption
from gensup.rng import generator
from gensup.synthesis.finetuning.examples import TrainingClip

EMPTY = ""
"""The unconditional branch. It runs through the whole text chain as any caption does: it is not a row of zeros."""

SHARES = MappingProxyType({"paper": 0.5, "descriptive": 0.3, "plain": 0.1, "empty": 0.1})
"""plain: machine and condition alone, without attributes."""


class Mixture:
    """Captions by seed, step and row: a function of these three, and of the clip that stands in the row.

    An anomaly's ``descriptive`` caption names its fault where the data set does (``captions.damages``), and is the
    template's neutral one where it does not.

    Raises:
        GensupError: a template or row of prompts/ that breaks a rule.
    """

    def __init__(self, clips: Sequence[TrainingClip], seed: int, overlay: Path | None = None) -> None:
        self.seed = seed
        made: dict[tuple[object, ...], Mapping[str, str]] = {}
        for clip in clips:
            key = _said(clip)
            if key not in made:
                made[key] = _captions(clip, overlay)
        self._captions = tuple(made[_said(clip)] for clip in clips)
        self._bounds = np.cumsum(list(SHARES.values()))[:-1]

    def draw(self, step: int, indices: Iterable[int], first: int = 0) -> tuple[str, ...]:
        """Captions of the clips at ``indices``, which are rows ``first`` and after of a step's batch."""
        indices = [int(index) for index in indices]
        drawn = generator("caption", self.seed, step).random(first + len(indices))[first:]
        kinds = tuple(SHARES)
        return tuple(
            self._captions[index][kinds[kind]]
            for index, kind in zip(indices, np.searchsorted(self._bounds, drawn, side="right"), strict=True)
        )

    def all_captions(self) -> tuple[str, ...]:
        """Every caption that may be drawn, once, sorted: what is counted in tokens and embedded before training."""
        return tuple(sorted({text for captions in self._captions for text in captions.values()}))


def all_captions(clips: Sequence[TrainingClip], overlay: Path | None = None) -> tuple[str, ...]:
    """Every caption that a mixture of these clips may draw, whatever its seed."""
    return Mixture(clips, 0, overlay).all_captions()


def _said(clip: TrainingClip) -> tuple[object, ...]:
    """All that a caption is made of: few machines and attributes, many clips."""
    return clip.machine, clip.condition, clip.clip.attributes


def _captions(clip: TrainingClip, overlay: Path | None) -> Mapping[str, str]:
    bare = replace(clip.clip, attributes=())
    named = named_fault(clip.clip, overlay)
    return {
        "paper": caption(clip.clip, condition=clip.condition, style="paper", overlay=overlay),
        "descriptive": caption(clip.clip, condition=clip.condition, style="descriptive", fault=named, overlay=overlay),
        "plain": caption(bare, condition=clip.condition, style="paper", overlay=overlay),
        "empty": EMPTY,
    }
