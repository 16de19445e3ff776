"""Distance to the nearest normal clip, over how far apart normal clips lie there: no domain labels at scoring time.

Wilkinghoff et al., ICASSP 2025 and TASLP 2025 (arXiv 2509.10951): score(y) = min over f of d(y, f) / n(f), with n(f)
the mean distance of f to its K nearest normal clips (K = 4 in ASDKit's code, on vectors of length one; the report of
GenRep 2025 takes their sum, K = 16, and for each domain its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.distances import Matrix, nearest
from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError

SMALLEST = 1e-3  # of the median: clips that stand there K times would divide by zero


@dataclass(frozen=True, slots=True)
class FittedLocalDensity:
    """The normal clips and how far apart they lie."""

    bank: Vectors
    spread: Matrix  # (rows,) n(f)
    unit: bool

    @property
    def dim(self) -> int:
        return int(self.bank.shape[1])

    def score(self, x: Vectors) -> Scores:
        return nearest(_scaled(x, self.unit), self.bank, "euclidean", 1, spread=self.spread)[:, 0]

    def state(self) -> Arrays:
        return {"bank": self.bank, "spread": self.spread}


@dataclass(frozen=True, slots=True)
class LocalDensity:
    """``k_target`` gives target clips a density of their own, by their own K; None takes all clips together."""

    k: int = 4
    k_target: int | None = None
    statistic: Literal["mean", "sum"] = "mean"
    unit: bool = True  # vectors are scaled to length one

    name: ClassVar[str] = "local-density"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for field, value in (("k", self.k), ("k_target", self.k_target)):
            if value is not None and not 1 <= value <= 1024:
                raise GensupError("out of range", where=f"backend.{field}", value=value, rule="1 to 1024")

    def unfit(self, rows: int) -> str | None:
        most = self.k + 1
        return None if rows >= most else f"K = {self.k} neighbours of a clip need {most} clips, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return rows * (dim + 1)

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedLocalDensity:
        bank = _scaled(x, self.unit)
        spread = np.empty(len(bank))
        for rows, k in self._regions(target_domain, len(bank)):
            spread[rows] = self._spread(bank[rows], k)
        positive = spread[spread > 0]
        least = SMALLEST * float(np.median(positive)) if len(positive) else 1.0
        return FittedLocalDensity(bank, np.maximum(spread, least), self.unit)

    def restore(self, arrays: Arrays) -> FittedLocalDensity:
        bank, spread = np.asarray(arrays["bank"], dtype=np.float32), np.asarray(arrays["spread"], dtype=np.float64)
        if bank.ndim != 2 or spread.shape != bank.shape[:1]:
            raise GensupError("the model's arrays do not fit together", value=f"{bank.shape}, {spread.shape}")
        return FittedLocalDensity(bank, spread, self.unit)

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

    def _regions(self, target_domain: NDArray[np.bool_] | None, count: int) -> list[tuple[NDArray[np.intp], int]]:
        """Rows that are each other's neighbours, and their K; a target domain of one clip has none of its own."""
        if self.k_target is None or target_domain is None or not 2 <= target_domain.sum() < count:
            return [(np.arange(count), self.k)]
        return [(np.flatnonzero(~target_domain), self.k), (np.flatnonzero(target_domain), self.k_target)]

    def _spread(self, bank: Vectors, k: int) -> Matrix:
        """(rows,); where there are fewer than k others, all of them count."""
        k = min(k, len(bank) - 1)
        if not k:
            return np.ones(len(bank))
        near = nearest(bank, bank, "euclidean", k, others=True)
        return np.asarray(near.mean(axis=1) if self.statistic == "mean" else near.sum(axis=1))


def _scaled(x: Vectors, unit: bool) -> Vectors:
    wide = np.array(x, dtype=np.float32)
    if not unit:
        return wide
    norms = np.linalg.norm(wide.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(wide / np.where(norms > 0, norms, 1), dtype=np.float32)
