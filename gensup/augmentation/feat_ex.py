"""FeatEx (Wilkinghoff, ICASSP 2024): an embedding whose branches come from several clips is of a class of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.augmentation.arrays import Batch, blocks, joined, like, taken
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, eq=False)
class FeaturesExchanged:
    """Whose branches each row gets; the last branch is always its own."""

    partners: tuple[NDArray[np.intp], ...]  # one a branch
    changed: NDArray[np.bool_]

    def apply(self, branches: list[Batch]) -> Batch:
        """(batch, sum of dims) of branches (batch, dim) side by side."""
        found = []
        for branch, partner in zip(branches, self.partners, strict=True):
            changed = like(self.changed, branch, 2)
            found.append(changed * taken(branch, partner) + ~changed * branch)
        return joined(found)

    def targets(self, targets: Batch) -> Batch:
        """(batch, (1 + n) classes) for n branches: (y, 0, ...) as it is; (0, y of each branch over n) exchanged."""
        n = len(self.partners)
        return blocks(targets, self.changed, [taken(targets, partner) / n for partner in self.partners])


@dataclass(frozen=True, slots=True)
class FeatEx:
    """Each row with the probability; n branches as in ASDKit, two as published."""

    branches: int = 2
    probability: float = 0.5

    def __post_init__(self) -> None:
        if self.branches < 2 or not 0 <= self.probability <= 1:
            raise GensupError(
                "out of range",
                where="feat_ex",
                value=(self.branches, self.probability),
                rule="at least 2 branches, probability 0 to 1",
            )

    def draw(self, size: int, rng: np.random.Generator) -> FeaturesExchanged:
        """For a batch of so many rows."""
        others = [rng.permutation(size).astype(np.intp) for _ in range(self.branches - 1)]
        return FeaturesExchanged((*others, np.arange(size)), rng.random(size) < self.probability)
