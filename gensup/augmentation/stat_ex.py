"""StatEx (Chen et al., ICASSP 2023): a spectrogram with another one's statistics is of a class of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.augmentation.arrays import Batch, blocks, like, taken
from gensup.errors import GensupError

Over: TypeAlias = Literal["frequency", "time"]
SMALLEST = 1e-6  # a standard deviation that is divided by


@dataclass(frozen=True, slots=True, eq=False)
class StatisticsExchanged:
    """Whose statistics each row gets; ``changed`` False leaves it as it is."""

    partner: NDArray[np.intp]
    changed: NDArray[np.bool_]
    over: Over

    def apply(self, spectrograms: Batch) -> Batch:
        """(batch, time, frequency): standardised by its own mean and deviation, then given the partner's.

        ``over`` frequency: the statistics of every frame over its bands; time: of every band over its frames.
        """
        axis = 2 if self.over == "frequency" else 1
        mean = spectrograms.mean(axis, keepdims=True)
        away = spectrograms - mean
        deviation = ((away * away).mean(axis, keepdims=True) + SMALLEST**2) ** 0.5
        new = away / deviation * taken(deviation, self.partner) + taken(mean, self.partner)
        changed = like(self.changed, spectrograms, 3)
        return changed * new + ~changed * spectrograms

    def targets(self, targets: Batch) -> Batch:
        """(batch, 3 classes): (y, 0, 0) as it is; (0, y/2, partner's y/2) exchanged."""
        return blocks(targets, self.changed, [0.5 * targets, 0.5 * taken(targets, self.partner)])


@dataclass(frozen=True, slots=True)
class StatEx:
    """Each row with the probability. SSL4ASD exchanges over frequency alone (``X_tex`` in its code)."""

    probability: float = 0.5
    over: Over = "frequency"

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise GensupError("out of range", where="stat_ex", value=self.probability, rule="0 to 1")

    def draw(self, size: int, rng: np.random.Generator) -> StatisticsExchanged:
        """For a batch of so many rows."""
        partner, changed = rng.permutation(size).astype(np.intp), rng.random(size) < self.probability
        return StatisticsExchanged(partner, changed, self.over)
