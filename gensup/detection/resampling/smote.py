"""Vectors between target clips and their neighbours, so that the few weigh as much as a share of the many.

Chawla et al., JAIR 2002; for the target domain of DCASE in Guan et al. (ICASSP 2023) and, on embeddings, in ASDKit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gensup.detection.distances import blocks
from gensup.detection.parts import Vectors
from gensup.errors import GensupError
from gensup.rng import generator


@dataclass(frozen=True, slots=True)
class Smote:
    """Target clips are made ``ratio`` times as many as source clips. ``unit`` scales new vectors to length one.

    ``at`` waveform or log-mel, new clips lie between two recordings or their spectrograms instead, and are pooled like
    all others: see ``detection.grown``.
    """

    ratio: float = 0.2
    k: int = 3
    unit: bool = False
    at: Literal["embedding", "log-mel", "waveform"] = "embedding"

    name: ClassVar[str] = "smote"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for field, value, low, high in (("ratio", self.ratio, 0.01, 1), ("k", self.k, 1, 64)):
            if not low <= value <= high:
                raise GensupError("out of range", where=f"resample.{field}", value=value, rule=f"{low} to {high}")

    def unfit(self, rows: int) -> str | None:
        return None

    def __call__(
        self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int
    ) -> tuple[Vectors, NDArray[np.bool_] | None]:
        """With no domains, one target clip or enough of them, what came in: a neighbour is needed to move towards."""
        if target_domain is None or self.at != "embedding":
            return x, target_domain
        target = x[target_domain]
        missing = int(self.ratio * int((~target_domain).sum())) - len(target)
        k = min(self.k, len(target) - 1)
        if missing <= 0 or k < 1:
            return x, target_domain
        nearest = np.empty((len(target), k), dtype=np.intp)
        for rows, distances in blocks(target, target, "euclidean"):
            own = np.arange(len(distances))
            distances[own, own + rows.start] = np.inf
            nearest[rows] = np.argsort(distances, axis=1, kind="stable")[:, :k]
        rng = generator("smote", seed)
        start = rng.integers(len(target), size=missing)
        towards = nearest[start, rng.integers(k, size=missing)]
        new = target[start] + rng.random((missing, 1)) * (target[towards] - target[start])
        if self.unit:
            new = new / np.maximum(np.linalg.norm(new, axis=1, keepdims=True), 1e-12)
        added = np.concatenate([x, new.astype(np.float32)])
        return added, np.concatenate([target_domain, np.ones(missing, dtype=bool)])
