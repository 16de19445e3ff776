"""Distance to the nearest centre of the source clips, or target clip (Wilkinghoff, 2023: 16 centres, cosine)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.distances import Matrix, Metric, blocks
from gensup.detection.kmeans import partition
from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class FittedKMeans:
    """Centres, and the target clips among them."""

    centres: Vectors
    metric: Metric

    @property
    def dim(self) -> int:
        return int(self.centres.shape[1])

    def score(self, x: Vectors) -> Scores:
        scores = np.empty(len(x))
        for rows, distances in blocks(x, self.centres, self.metric):
            scores[rows] = distances.min(axis=1)
        return scores

    def state(self) -> Arrays:
        return {"centres": self.centres}


@dataclass(frozen=True, slots=True)
class KMeans:
    """``k`` centres of the source clips; the few target clips stay as they are (``keep_target``), unless all are."""

    k: int = 16
    metric: Metric = "cosine"
    keep_target: bool = True

    name: ClassVar[str] = "k-means"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 1024:
            raise GensupError("out of range", where="backend.k", value=self.k, rule="1 to 1024")

    def unfit(self, rows: int) -> str | None:
        return None if rows >= self.k else f"{self.k} centres need {self.k} clips, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return self.k * dim

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedKMeans:
        wide = np.asarray(x, dtype=np.float64)
        if self.metric == "cosine":  # means of directions, not of lengths
            norms = np.linalg.norm(wide, axis=1, keepdims=True)
            wide = wide / np.where(norms > 0, norms, 1)
        kept = np.zeros(len(wide), dtype=bool) if target_domain is None or not self.keep_target else target_domain
        if (~kept).sum() < self.k:  # nearly all are target clips
            kept = np.zeros(len(wide), dtype=bool)
        source = wide[~kept]
        labels = partition(source, self.k, seed % 2**32)
        members = [source[labels == label] for label in range(self.k)]
        centres = [own.mean(axis=0) for own in members if len(own)]
        # A cluster that is empty, among equal clips, repeats another: the model has the size that was said.
        centres += [centres[0]] * (self.k - len(centres))
        return FittedKMeans(np.concatenate([np.stack(centres), wide[kept]]).astype(np.float32), self.metric)

    def restore(self, arrays: Arrays) -> FittedKMeans:
        centres = np.asarray(arrays["centres"], dtype=np.float32)
        if centres.ndim != 2 or len(centres) < self.k:
            raise GensupError(
                "the model's arrays do not fit together", value=str(centres.shape), rule=f"{self.k} rows or more"
            )
        return FittedKMeans(centres, self.metric)

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> Matrix:
        return np.stack([config.fit(x, target_domain, seed).score(queries) for config in configs])
