"""The spectrum: loudness of every mel band, and how much it varies (Chu & Qian, DCASE 2025, 2.1)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.audio.spectra import log_mel

BANDS = 64


class Spectra:
    """Mean and standard deviation over time, in dB, of the bands above the mean of all: the level says nothing."""

    name: ClassVar[str] = "spectra"

    @staticmethod
    def describe(audio: Audio, rate: int) -> NDArray[np.float64]:
        """(128,) of (channels, samples), the first channel."""
        frames = log_mel(audio[0].astype(np.float64), rate, n_mels=BANDS)
        mean = frames.mean(axis=0)
        return np.concatenate([mean - mean.mean(), frames.std(axis=0)])
