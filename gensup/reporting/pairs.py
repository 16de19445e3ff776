"""Which twins a person gets to hear: a few from every mechanism, as strong as they were judged."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, zip_longest
from math import log

import numpy as np
import soundfile
from numpy.typing import NDArray

from gensup.audio.files import AudioRef, inspect
from gensup.synthesis.twinset import SyntheticClip

PAIRS = 8
SECONDS = 6.0
RATE = 48_000  # Hz, the most that a player on the page gets
BUDGET = 5_000_000  # bytes of 16-bit samples on one page, before compression
PEAK = 10 ** (-1 / 20)  # -1 dB of full scale
MOST_GAIN_DB = 30.0


@dataclass(frozen=True, slots=True)
class Pair:
    """An anomaly and its normal twin."""

    normal: SyntheticClip
    anomaly: SyntheticClip


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The same stretch of both twins, as recorded."""

    normal: NDArray[np.float32]  # (samples,)
    anomaly: NDArray[np.float32]  # (samples,)
    rate: int  # Hz
    start: float  # s into the clip
    whole: float  # s, of the clip

    @property
    def seconds(self) -> float:
        return len(self.normal) / self.rate

    @property
    def gain_db(self) -> float:
        """What both are played louder."""
        return gain_of((self.normal, self.anomaly))


def choose(
    clips: Iterable[SyntheticClip], read: Mapping[str, float], weight: Mapping[str, float], count: int = PAIRS
) -> tuple[Pair, ...]:
    """Up to ``count`` pairs, one family of each mechanism in turn, families of more weight first.

    Args:
        read: the severity that each family is read at; a pair is of the rung nearest to it while there is one.
        weight: of each family.
    """
    clips = tuple(clips)
    normals = {clip.id: clip for clip in clips if clip.condition == "normal"}
    left: dict[str, list[SyntheticClip]] = {}
    for clip in clips:
        if clip.condition == "anomaly" and clip.twin in normals and clip.family is not None and clip.family in read:
            left.setdefault(clip.family, []).append(clip)
    used: Counter[str | None] = Counter()
    chosen: list[Pair] = []
    while any(left.values()) and len(chosen) < count:
        for family in _in_turn(left, weight):
            if not left[family] or len(chosen) == count:
                continue
            # Another recording each time, while there is one: eight faults of one recording say less than of eight.
            clip = min(left[family], key=lambda c: (rungs_away(c, read[family]), used[c.twin], c.id))
            left[family].remove(clip)
            used[clip.twin] += 1
            chosen.append(Pair(normals[str(clip.twin)], clip))
    return tuple(chosen)


def rungs_away(clip: SyntheticClip, read: float) -> float:
    """How far a clip's severity is from the one that is read; severities are ratios."""
    return round(abs(log(clip.severity / read)), 9) if clip.severity > 0 and read > 0 else abs(clip.severity - read)


def nearest_rung(clips: Iterable[SyntheticClip], read: Mapping[str, float]) -> frozenset[str]:
    """Ids of the anomalies that stand at the rung nearest to the severity their family is read at."""
    by_family: dict[str, list[SyntheticClip]] = {}
    for clip in clips:
        if clip.condition == "anomaly" and clip.family is not None and clip.family in read:
            by_family.setdefault(clip.family, []).append(clip)
    near: set[str] = set()
    for family, members in by_family.items():
        least = min(rungs_away(clip, read[family]) for clip in members)
        near |= {clip.id for clip in members if rungs_away(clip, read[family]) == least}
    return frozenset(near)


def excerpt(pair: Pair, pairs: int = PAIRS) -> Excerpt:
    """The stretch where the twins differ most, at most 6 s and short enough for ``pairs`` of them on one page.

    Raises:
        GensupError: a file that cannot be read.
    """
    rate = min(RATE, inspect(pair.anomaly.file).rate)
    normal, anomaly = (AudioRef(clip.file, rate, 0).read()[0] for clip in (pair.normal, pair.anomaly))
    whole = min(len(normal), len(anomaly))
    length = min(whole, int(rate * SECONDS), BUDGET // (pairs * 2 * 2))
    part = loudest_change(normal, anomaly, length)
    return Excerpt(normal[part], anomaly[part], rate, part.start / rate, whole / rate)


def loudest_change(normal: NDArray[np.float32], anomaly: NDArray[np.float32], length: int) -> slice:
    """The stretch of ``length`` samples, or all there are, in which two sounds differ most."""
    whole = min(len(normal), len(anomaly))
    length = min(length, whole)
    total = np.concatenate([[0.0], np.cumsum(np.square(anomaly[:whole] - normal[:whole], dtype=np.float64))])
    start = int(np.argmax(total[length:] - total[:-length]))
    return slice(start, start + length)


def gain_of(sounds: Sequence[NDArray[np.float32]]) -> float:
    """dB by which all are played louder, so that a person hears quiet machines: the loudest then peaks at -1 dB."""
    peak = max(float(np.abs(sound).max()) for sound in sounds)
    return min(MOST_GAIN_DB, float(np.floor(200 * np.log10(PEAK / peak)) / 10)) if peak else 0.0


def player(samples: NDArray[np.float32], rate: int, gain_db: float) -> str:
    """A data URI that a browser plays: 16-bit FLAC, ``gain_db`` louder."""
    scaled = np.clip(np.rint(samples * 10 ** (gain_db / 20) * 32767), -32768, 32767).astype(np.int16)
    data = BytesIO()
    soundfile.write(data, scaled, rate, subtype="PCM_16", format="FLAC")
    return "data:audio/flac;base64," + b64encode(data.getvalue()).decode()


def _in_turn(families: Mapping[str, Sequence[SyntheticClip]], weight: Mapping[str, float]) -> list[str]:
    """The families, one of each mechanism in turn."""
    by_mechanism: dict[str, list[str]] = {}
    for family in sorted(families, key=lambda name: (-weight.get(name, 0.0), name)):
        if families[family]:
            by_mechanism.setdefault(str(families[family][0].mechanism), []).append(family)
    turns = zip_longest(*(by_mechanism[mechanism] for mechanism in sorted(by_mechanism)))
    return [family for family in chain.from_iterable(turns) if family is not None]
