"""Log-mel spectrogram in dB, frame by frame (Guan et al., ICASSP 2023: 1024 samples, hop 512, 128 bands)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from gensup.audio.files import Audio
from gensup.audio.spectra import log_mel
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.parts import Arrays, Tokens
from gensup.errors import GensupError
from gensup.rng import digest


@dataclass(frozen=True, slots=True)
class LogMel:
    """Settings of ``audio.spectra.log_mel``, in samples and bands."""

    n_fft: int = 1024
    hop: int = 512
    n_mels: int = 128

    name: ClassVar[str] = "log-mel"
    version: ClassVar[int] = 2
    per_clip_seconds: ClassVar[float] = 0.002
    trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field, low, high in (("n_fft", 64, 65536), ("hop", 1, self.n_fft), ("n_mels", 1, self.n_fft // 2)):
            value = getattr(self, field)
            if not low <= value <= high:
                raise GensupError(
                    "out of range",
                    where=f"frontend.{field}",
                    value=value,
                    rule=f"{low} to {high}",
                    remedy="choose another",
                )

    def ready(self, normals: Examples, means: Means, seed: int) -> Self:
        return self

    def untrained(self, means: Means) -> Self:
        return self

    def restore(self, file: Path, means: Means) -> Self:
        return self

    @property
    def n_parameters(self) -> int:
        return 0

    def state(self) -> Arrays:
        return {}

    @property
    def fingerprint(self) -> str:
        return digest(asdict(self))

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        samples = audio[0]
        if len(samples) <= self.n_fft // 2:
            raise GensupError(
                "the clip is too short for one frame",
                value=f"{len(samples)} samples",
                rule=f"more than n_fft / 2 = {self.n_fft // 2}",
                remedy="leave the clip out or lower frontend.n_fft",
            )
        return Tokens(log_mel(samples, rate, n_fft=self.n_fft, hop=self.hop, n_mels=self.n_mels)[:, None, :])
