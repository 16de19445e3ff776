"""Normalised scores and thresholds: a gamma distribution of held-out normal scores, as the DCASE baseline decides by.

A detector keeps mean and standard deviation of its held-out normal scores; the distribution is fitted by these moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammainccinv, ndtr, ndtri

from gensup.detection.held_out import HeldOut
from gensup.errors import GensupError

LEAST_SHAPE = 0.5  # distances are not spread wider


@dataclass(frozen=True, slots=True)
class NormalScores:
    """How held-out normal scores are distributed: gamma from 0 on, or its limit, normal, where ``shape`` is None."""

    mean: float
    sd: float
    shape: float | None

    @classmethod
    def of(cls, held: HeldOut) -> NormalScores:
        """By moments; normal where scores lie about 0 or below, as logarithms do: no gamma distribution begins at 0."""
        shape = (held.mean / held.sd) ** 2
        return cls(held.mean, held.sd, shape if held.mean > 0 and shape >= LEAST_SHAPE else None)

    def cdf(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Share of normal clips that score lower, 0 to 1, in the shape of ``scores``."""
        x = np.asarray(scores, dtype=np.float64)
        if self.shape is None:
            return np.asarray(ndtr((x - self.mean) / self.sd))
        return np.asarray(gammainc(self.shape, np.maximum(x, 0) * (self.shape / self.mean)))

    def threshold(self, false_alarms: float) -> float:
        """The raw score that this share of normal clips exceeds.

        Raises:
            GensupError: no share strictly between 0 and 1.
        """
        if not 0 < false_alarms < 1:
            raise GensupError(
                "no rate of false alarms", where="--false-alarms", value=false_alarms, rule="above 0 and below 1: 0.05"
            )
        if self.shape is None:
            return float(self.mean - self.sd * ndtri(false_alarms))
        return float(gammainccinv(self.shape, false_alarms) * (self.mean / self.shape))


def threshold_of(held: HeldOut, false_alarms: float | None) -> float:
    """The raw score above which a clip is called anomalous; None: as measured, a tenth of the held-out normal clips.

    Raises:
        GensupError: no share strictly between 0 and 1.
    """
    return held.threshold if false_alarms is None else NormalScores.of(held).threshold(false_alarms)
