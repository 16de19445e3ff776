"""Clips between two others, which no file holds: SMOTE on waveforms or spectrograms, before anything is pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio, AudioRef, Channel
from gensup.rng import digest, generator

At: TypeAlias = Literal["waveform", "log-mel"]


@dataclass(frozen=True, slots=True)
class Between:
    """a + share (b - a): of samples, or of what a frontend makes of them (``at`` log-mel)."""

    first: AudioRef
    second: AudioRef
    share: float
    at: At

    @property
    def path(self) -> Path:
        return self.first.path

    @property
    def rate(self) -> int:
        return self.first.rate

    @property
    def channel(self) -> Channel:
        return self.first.channel

    def read(self) -> Audio:
        """(channels, samples) of the shorter of the two; between spectrograms there is no sound, so the first one's."""
        if self.at != "waveform":
            return self.first.read()
        return mixed(self.first.read(), self.second.read(), self.share, axis=1)


Sound: TypeAlias = AudioRef | Between


def mixed(a: NDArray[np.float32], b: NDArray[np.float32], share: float, axis: int) -> NDArray[np.float32]:
    """a + share (b - a), of the shorter length on ``axis``."""
    length = min(a.shape[axis], b.shape[axis])
    a, b = (np.take(x, range(length), axis=axis) for x in (a, b))
    return np.asarray(a + np.float32(share) * (b - a), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Pairs:
    """New clips of a set: their places' parents, by row."""

    clips: tuple[Between, ...]
    keys: tuple[str, ...]
    parent: NDArray[np.intp]


def between(
    audio: Sequence[Sound], key: Sequence[str], rows: NDArray[np.intp], count: int, k: int, at: At, seed: int
) -> Pairs:
    """``count`` clips between random ones of ``rows`` and one of their k nearest by Euclidean distance of samples."""
    refs = [ref for ref in (audio[i] for i in rows) if isinstance(ref, AudioRef)]
    samples = [ref.read()[0] for ref in refs]
    length = min(map(len, samples))
    x = np.stack([clip[:length] for clip in samples]).astype(np.float64)
    squares = (x * x).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(k, len(refs) - 1)]
    rng = generator("between", seed)
    start = rng.integers(len(refs), size=count)
    towards = nearest[start, rng.integers(nearest.shape[1], size=count)]
    shares = np.round(rng.random(count), 6)
    clips = tuple(Between(refs[a], refs[b], float(s), at) for a, b, s in zip(start, towards, shares, strict=True))
    keys = tuple(
        digest(key[rows[a]], key[rows[b]], float(s), at) for a, b, s in zip(start, towards, shares, strict=True)
    )
    return Pairs(clips, keys, np.asarray(rows[start], dtype=np.intp))
