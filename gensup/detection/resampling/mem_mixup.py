"""Target vectors mixed with their nearest source vectors (MemMixup: Saengthong & Shinozaki, ICASSP 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.distances import blocks
from gensup.detection.parts import Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class MemMixup:
    """Each target vector t with its ``k`` nearest source vectors s: alpha t + (1 - alpha) s, as target clips."""

    alpha: float = 0.9
    k: int = 990  # all source clips of a DCASE machine; where there are fewer, all of them

    name: ClassVar[str] = "mem-mixup"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for field, value, low, high in (("alpha", self.alpha, 0, 1), ("k", self.k, 1, 100_000)):
            if not low <= value <= high:
                raise GensupError("out of range", where=f"resample.{field}", value=value, rule=f"{low} to {high}")

    def unfit(self, rows: int) -> str | None:
        return None

    def __call__(
        self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int
    ) -> tuple[Vectors, NDArray[np.bool_] | None]:
        """With no domains, or with one of them alone, what came in."""
        if target_domain is None or target_domain.all() or not target_domain.any():
            return x, target_domain
        target, source = x[target_domain], x[~target_domain]
        k = min(self.k, len(source))
        new = []
        for rows, distances in blocks(target, source, "euclidean"):
            nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
            new.append(self.alpha * target[rows][:, None] + (1 - self.alpha) * source[nearest])
        mixed = np.concatenate(new).reshape(-1, x.shape[1]).astype(np.float32)
        return np.concatenate([x, mixed]), np.concatenate([target_domain, np.ones(len(mixed), dtype=bool)])
