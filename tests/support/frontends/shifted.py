"""The smallest frontend that is trained: a log-mel spectrogram less the mean of the clips that it was trained on."""

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
from gensup.detection.parts import STATE, Arrays, Tokens
from gensup.rng import digest


@dataclass(frozen=True, slots=True)
class Shifted:
    n_mels: int = 16
    mean: tuple[float, ...] = ()
    heard: tuple[str, ...] = field(default=(), compare=False)  # keys of the clips it was trained on

    name: ClassVar[str] = "shifted"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.0
    trained: ClassVar[bool] = True
    log: ClassVar[list[tuple[str, ...]]] = []

    def ready(self, normals: Examples, means: Means, seed: int) -> Self:
        frames = [self._mel(ref.read(), ref.rate).mean(axis=(0, 1)) for ref in normals.audio]
        self.log.append(normals.key)
        return type(self)(self.n_mels, tuple(np.mean(frames, axis=0).tolist()), normals.key)

    def untrained(self, means: Means) -> Self:
        return type(self)(self.n_mels, (0.0,) * self.n_mels)

    def restore(self, file: Path, means: Means) -> Self:
        return type(self)(self.n_mels, tuple(load_file(file)[f"{STATE}mean"].tolist()))

    @property
    def n_parameters(self) -> int:
        return len(self.mean)

    def state(self) -> Arrays:
        return {"mean": np.array(self.mean)}

    @property
    def fingerprint(self) -> str:
        return digest(self.n_mels, list(self.mean))

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        return Tokens((self._mel(audio, rate) - np.array(self.mean)).astype(np.float32))

    def _mel(self, audio: Audio, rate: int) -> np.ndarray:
        return LogMel(256, 128, self.n_mels).tokens(audio, rate).x
