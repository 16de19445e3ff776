"""A trained frontend that hears the clips of other machines, too, and refuses a single class."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors.numpy import load_file

from gensup.audio.files import Audio
from gensup.detection.examples import Examples
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.means import Means
from gensup.detection.noise import Noise
from gensup.detection.parts import STATE, Arrays, Tokens
from gensup.errors import GensupError
from gensup.rng import digest


@dataclass(frozen=True, slots=True)
class Wide:
    n_mels: int = 16
    steps: int = 1  # of a training that adds this many decibels
    mean: tuple[float, ...] = ()
    heard: tuple[str, ...] = field(default=(), compare=False)
    noise: float = 0.0

    name: ClassVar[str] = "wide"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.0
    trained: ClassVar[bool] = True
    log: ClassVar[list[Examples]] = []
    noises: ClassVar[list[Noise | None]] = []  # as each training was given them

    def ready(self, normals: Examples, means: Means, seed: int) -> Self:
        clips = normals if means.others is None else normals.followed_by(means.others)
        self.log.append(clips)
        self.noises.append(means.noise)
        if clips.label is not None and len(set(clips.label)) < 2:
            raise GensupError(
                "one class only", value=clips.label[0], rule="at least two", remedy="train on more machines"
            )
        if means.folder is not None:
            means.folder.mkdir(parents=True, exist_ok=True)
            (means.folder / "checkpoint").write_text(str(seed))
        frames = [LogMel(256, 128, self.n_mels).tokens(r.read(), r.rate).x.mean(axis=(0, 1)) for r in clips.audio]
        return type(self)(self.n_mels, self.steps, tuple((np.mean(frames, axis=0) + self.steps).tolist()), clips.key)

    def untrained(self, means: Means) -> Self:
        return type(self)(self.n_mels, self.steps, (0.0,) * self.n_mels)

    def restore(self, file: Path, means: Means) -> Self:
        return type(self)(self.n_mels, self.steps, tuple(load_file(file)[f"{STATE}mean"].tolist()))

    @property
    def n_parameters(self) -> int:
        return len(self.mean)

    def state(self) -> Arrays:
        return {"mean": np.array(self.mean)}

    @property
    def fingerprint(self) -> str:
        return digest(self.n_mels, self.steps, list(self.mean))

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        return Tokens((LogMel(256, 128, self.n_mels).tokens(audio, rate).x - np.array(self.mean)).astype(np.float32))
