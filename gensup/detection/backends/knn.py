"""Mean distance to the k nearest normal clips: the back end of most embedding systems (k = 1, cosine, as published)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.distances import Matrix, Metric, nearest
from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class FittedKnn:
    """The normal clips themselves."""

    bank: Vectors
    k: int
    metric: Metric

    @property
    def dim(self) -> int:
        return int(self.bank.shape[1])

    def score(self, x: Vectors) -> Scores:
        return np.asarray(_mean_distances(self.bank, x, [self.k], self.metric)[0])

    def state(self) -> Arrays:
        return {"bank": self.bank}


@dataclass(frozen=True, slots=True)
class Knn:
    """Cosine distance is 1 - cos; a vector of zeros is 1 from everything."""

    k: int = 1
    metric: Metric = "cosine"

    name: ClassVar[str] = "knn"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 1024:
            raise GensupError("out of range", where="backend.k", value=self.k, rule="1 to 1024")

    def unfit(self, rows: int) -> str | None:
        return None if rows >= self.k else f"k = {self.k} needs {self.k} clips, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return rows * dim

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedKnn:
        return FittedKnn(np.array(x, dtype=np.float32), self.k, self.metric)

    def restore(self, arrays: Arrays) -> FittedKnn:
        bank = np.asarray(arrays["bank"], dtype=np.float32)
        if bank.ndim != 2 or len(bank) < self.k:
            raise GensupError(
                "the model's arrays do not fit together", value=str(bank.shape), rule=f"{self.k} rows or more"
            )
        return FittedKnn(bank, self.k, self.metric)

    def leave_one_out(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> Scores:
        """(rows,) each row's score by the others."""
        if len(x) <= self.k:
            raise GensupError("too few clips", value=len(x), rule=f"more than k = {self.k}, one being left out")
        return np.asarray(nearest(x, x, self.metric, self.k, others=True).mean(axis=1))

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> Matrix:
        scores = np.empty((len(configs), len(queries)))
        for metric in {config.metric for config in configs}:
            places = [i for i, config in enumerate(configs) if config.metric == metric]
            scores[places] = _mean_distances(x, queries, [configs[i].k for i in places], metric)
        return scores


def _mean_distances(bank: Vectors, x: Vectors, ks: Sequence[int], metric: Metric) -> Matrix:
    """(ks, rows): the neighbours of a row are found once for all k."""
    # A running sum adds in order: the sum of the first k is the same whatever else is asked for.
    sums = np.cumsum(nearest(x, bank, metric, max(ks)), axis=1)
    return np.stack([sums[:, k - 1] / k for k in ks])
