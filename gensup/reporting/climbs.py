"""Ladders to listen to: one recording with one fault that grows, from its normal twin to the strongest rung."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gensup.audio.files import AudioRef, inspect
from gensup.reporting.pairs import RATE, gain_of, loudest_change, player
from gensup.synthesis.twinset import SyntheticClip

CLIMBS = 4
SECONDS = 3.0
BUDGET = 5_000_000  # bytes of 16-bit samples of all ladders of a page, before compression


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """A normal twin and what was made of it with one fault, the faintest first."""

    family: str
    mechanism: str
    normal: SyntheticClip
    rungs: tuple[SyntheticClip, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One player of a ladder."""

    severity: float  # 0: the normal twin
    player: str  # a data URI
    id: str


def climbs(clips: Iterable[SyntheticClip], weight: Mapping[str, float], count: int = CLIMBS) -> tuple[Climb, ...]:
    """Up to ``count`` ladders of as many mechanisms, each of its family of most weight, the heaviest first.

    Of every family the recording with most rungs, and of those the first by its twin's id.
    """
    clips = tuple(clips)
    normals = {clip.id: clip for clip in clips if clip.condition == "normal"}
    ladders: dict[str, dict[str, dict[float, SyntheticClip]]] = {}
    for clip in clips:
        if clip.condition == "anomaly" and clip.family in weight and clip.twin in normals:
            of_family = ladders.setdefault(str(clip.family), {})
            of_family.setdefault(str(clip.twin), {}).setdefault(clip.severity, clip)
    chosen: list[Climb] = []
    for family in sorted(ladders, key=lambda name: (-weight[name], name)):
        twin, rungs = min(ladders[family].items(), key=lambda item: (-len(item[1]), item[0]))
        ordered = tuple(rungs[severity] for severity in sorted(rungs))
        known = {climb.mechanism for climb in chosen}
        if len(rungs) > 1 and len(chosen) < count and str(ordered[0].mechanism) not in known:
            chosen.append(
                Climb(family=family, mechanism=str(ordered[0].mechanism), normal=normals[twin], rungs=ordered)
            )
    return tuple(chosen)


def steps(climb: Climb, ladders: int = CLIMBS) -> tuple[Step, ...]:
    """A player a rung, all of one stretch and equally much louder: there, the strongest differs most from the twin.

    Raises:
        GensupError: a file that cannot be read.
    """
    members = (climb.normal, *climb.rungs)
    rate = min(RATE, inspect(climb.normal.file).rate)
    sounds = [AudioRef(clip.file, rate, 0).read()[0] for clip in members]
    length = min(int(rate * SECONDS), BUDGET // (ladders * len(members) * 2))
    part = loudest_change(sounds[0], sounds[-1], length)
    heard = [sound[part] for sound in sounds]
    gain = gain_of(heard)
    return tuple(
        Step(0.0 if clip is climb.normal else clip.severity, player(sound, rate, gain), clip.id)
        for clip, sound in zip(members, heard, strict=True)
    )
