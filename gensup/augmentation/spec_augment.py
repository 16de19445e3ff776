"""SpecAugment (Park et al., Interspeech 2019): a stretch of time and a band of frequency are hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.augmentation.arrays import Batch, like
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """(batch, 2) begin and end of what is hidden, in frames and in bands; equal ends hide nothing."""

    time: NDArray[np.intp]
    frequency: NDArray[np.intp]

    def apply(self, spectrograms: Batch) -> Batch:
        """(batch, time, frequency), 0 where it is hidden: the mean of features that were normalised."""
        t, f = np.arange(spectrograms.shape[1]), np.arange(spectrograms.shape[2])
        seen_t = (t < self.time[:, :1]) | (t >= self.time[:, 1:])
        seen_f = (f < self.frequency[:, :1]) | (f >= self.frequency[:, 1:])
        return spectrograms * like(seen_t[:, :, None] & seen_f[:, None, :], spectrograms, 3)


@dataclass(frozen=True, slots=True)
class SpecAugment:
    """One stretch of at most ``time`` frames and one of at most ``frequency`` bands, each with the probability.

    80 and 80 are AnoPatch's (Jiang et al., 2024), of about 1000 frames and 128 bands: that is strong.
    """

    time: int = 80
    frequency: int = 80
    probability: float = 0.5

    def __post_init__(self) -> None:
        if min(self.time, self.frequency) < 0 or not 0 <= self.probability <= 1:
            raise GensupError(
                "out of range",
                where="spec_augment",
                value=(self.time, self.frequency, self.probability),
                rule="widths from 0, probability 0 to 1",
            )

    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Hidden:
        """For a batch (batch, time, frequency). Widths are uniform on 0 to the limit, and so are places."""
        return Hidden(
            self._ends(shape[0], shape[1], self.time, rng), self._ends(shape[0], shape[2], self.frequency, rng)
        )

    def _ends(self, size: int, length: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
        width = rng.integers(0, min(most, length) + 1, size)
        begin = np.floor(rng.random(size) * (length - width + 1)).astype(np.intp)
        width = np.where(rng.random(size) < self.probability, width, 0)
        return np.stack([begin, begin + width], axis=1).astype(np.intp)
