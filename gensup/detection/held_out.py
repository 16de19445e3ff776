"""Scores of normal clips by models fitted without them: what every later score is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from gensup.detection.parts import Scores

ALARM_QUANTILE = 0.9  # share of held-out normal clips below the threshold, as in the DCASE baseline


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Where held-out normal scores lie."""

    mean: float
    sd: Annotated[float, Field(gt=0)]
    threshold: float  # scores above it are called anomalous
    skew: float = 0.0  # third standardised moment

    @classmethod
    def of(cls, scores: Scores) -> HeldOut:
        """From (n,) held-out scores of normal clips, in any order."""
        # Equal scores have no scale; 1 keeps the normalised score finite.
        mean, sd = float(scores.mean()), float(scores.std()) or 1.0
        return cls(
            mean=mean,
            sd=sd,
            threshold=float(np.quantile(scores, ALARM_QUANTILE)),
            skew=float(np.mean(((scores - mean) / sd) ** 3)),
        )

    def normalised(self, scores: Scores) -> Scores:
        """Scores in standard deviations from the mean of held-out normal clips."""
        return (scores - self.mean) / self.sd
