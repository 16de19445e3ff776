"""Mixup (Zhang et al., ICLR 2018): two clips in one, and their classes in the same shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.augmentation.arrays import Batch, like, taken
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """Who is mixed with whom: x = share x + (1 - share) x[partner]; a share of 1 leaves a row as it is."""

    partner: NDArray[np.intp]
    share: NDArray[np.float64]

    def apply(self, batch: Batch) -> Batch:
        """Of waveforms, spectrograms or targets: (batch, ...)."""
        share = like(self.share, batch, batch.ndim)
        return share * batch + (1 - share) * taken(batch, self.partner)

    targets = apply


@dataclass(frozen=True, slots=True)
class Mixup:
    """Each row with the probability; shares are uniform on 0 to 1, or Beta(alpha, alpha)."""

    probability: float = 0.5  # Wilkinghoff's systems and ASDKit's
    alpha: float = 1.0  # Beta(1, 1) is uniform

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1 or not self.alpha > 0:
            raise GensupError(
                "out of range",
                where="mixup",
                value=(self.probability, self.alpha),
                rule="probability 0 to 1, alpha > 0",
            )

    def draw(self, size: int, rng: np.random.Generator) -> Mixed:
        """For a batch of so many rows."""
        partner = rng.permutation(size)
        share = rng.beta(self.alpha, self.alpha, size)
        mixed = rng.random(size) < self.probability
        return Mixed(partner.astype(np.intp), np.where(mixed, share, 1.0))
