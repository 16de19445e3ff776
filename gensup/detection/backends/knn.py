"""Mean distance to the k nearest normal clips: the back end of most embedding systems (k = 1, cosine, as published)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError

DISTANCES_AT_ONCE = 2**21  # 16 MB of them, and as much again while they are sorted

Metric: TypeAlias = Literal["cosine", "euclidean"]
Matrix = NDArray[np.float64]


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
    """(ks, rows): the distances of a row are computed and sorted once for all k."""
    near, queries = _prepared(bank, bank, metric), _prepared(x, bank, metric)
    scores = np.empty((len(ks), len(x)))
    most = max(ks)
    step = max(1, DISTANCES_AT_ONCE // len(bank))
    for start in range(0, len(x), step):
        distances = _distances(queries[start : start + step], near, metric)
        nearest = np.sort(np.partition(distances, most - 1, axis=1)[:, :most], axis=1)
        # A running sum adds in order: the sum of the first k is the same whatever else is asked for.
        sums = np.cumsum(nearest, axis=1)
        for place, k in enumerate(ks):
            scores[place, start : start + step] = sums[:, k - 1] / k
    return scores


def _prepared(x: Vectors, bank: Vectors, metric: Metric) -> Matrix:
    wide = np.asarray(x, dtype=np.float64)
    if metric == "cosine":
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
        return np.asarray(wide / np.where(norms > 0, norms, 1))
    # Distances do not change, and squares of small numbers cancel less than those of -80 dB.
    return np.asarray(wide - np.asarray(bank, dtype=np.float64).mean(axis=0))


def _distances(queries: Matrix, near: Matrix, metric: Metric) -> Matrix:
    """(queries, bank)."""
    products = queries @ near.T
    if metric == "cosine":
        return np.asarray(np.clip(1 - products, 0, 2))
    squares = np.einsum("ij,ij->i", queries, queries)[:, None] + np.einsum("ij,ij->i", near, near) - 2 * products
    return np.asarray(np.sqrt(np.maximum(squares, 0)))
