"""Normalised scores and thresholds: a gamma distribution of held-out normal scores, as the DCASE baseline decides by.

A detector keeps three moments of its held-out normal scores; the distribution is fitted by these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammainccinv, ndtr, ndtri

from gensup.detection.held_out import HeldOut
from gensup.errors import GensupError

LEAST_SKEW = 0.01  # below it a gamma distribution is a normal one, to all digits that anybody reads


@dataclass(frozen=True, slots=True)
class NormalScores:
    """How held-out normal scores are distributed: gamma from where it begins on, which may be below 0 as scores that
    are logarithms are; or its limit, normal, where scores are not skewed to the right."""

    mean: float
    sd: float
    shape: float | None  # None: normal

    @classmethod
    def of(cls, held: HeldOut) -> NormalScores:
        """By three moments (a Pearson distribution of type III)."""
        return cls(held.mean, held.sd, 4 / held.skew**2 if held.skew > LEAST_SKEW else None)

    def cdf(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Share of normal clips that score lower, 0 to 1, in the shape of ``scores``."""
        z = (np.asarray(scores, dtype=np.float64) - self.mean) / self.sd
        if self.shape is None:
            return np.asarray(ndtr(z))
        return np.asarray(gammainc(self.shape, np.maximum(self.shape + z * np.sqrt(self.shape), 0)))

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
            z = -ndtri(false_alarms)
        else:
            z = (gammainccinv(self.shape, false_alarms) - self.shape) / np.sqrt(self.shape)
        return float(self.mean + self.sd * z)


def threshold_of(held: HeldOut, false_alarms: float | None) -> float:
    """The raw score above which a clip is called anomalous; None: as measured, a tenth of the held-out normal clips.

    Raises:
        GensupError: no share strictly between 0 and 1.
    """
    return held.threshold if false_alarms is None else NormalScores.of(held).threshold(false_alarms)
