"""Gaussian mixture with full covariances, the back end of TWFR-GMM (Guan et al., ICASSP 2023; their gmmer.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection import mixture
from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError

ROWS_A_COMPONENT = 2  # with fewer rows a component is one clip and a regularised zero

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FittedGmm:
    """A mixture of K Gaussians in D dimensions."""

    weights: Matrix  # (K,)
    means: Matrix  # (K, D)
    precisions_cholesky: Matrix  # (K, D, D), upper triangular U with U Uᵀ = Σ⁻¹
    best_component: bool

    @property
    def dim(self) -> int:
        return int(self.means.shape[1])

    def score(self, x: Vectors) -> Scores:
        """-max_k log N(x; mu_k, Sigma_k), as published, or -log sum_k w_k N(x; mu_k, Sigma_k)."""
        densities = mixture.log_densities(np.asarray(x, dtype=np.float64), self.means, self.precisions_cholesky)
        if self.best_component:
            return np.asarray(-densities.max(axis=1))
        return np.asarray(-np.logaddexp.reduce(densities + np.log(self.weights), axis=1))

    def state(self) -> Arrays:
        return {"weights": self.weights, "means": self.means, "precisions_cholesky": self.precisions_cholesky}


@dataclass(frozen=True, slots=True)
class Gmm:
    """Score best-component leaves the mixture weights out, as the published code does; mixture is the likelihood."""

    n_components: int = 2
    covariance: Literal["full"] = "full"
    score: Literal["best-component", "mixture"] = "best-component"

    name: ClassVar[str] = "gmm"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 1 <= self.n_components <= 64:
            raise GensupError("out of range", where="backend.n_components", value=self.n_components, rule="1 to 64")

    def unfit(self, rows: int) -> str | None:
        needed = ROWS_A_COMPONENT * self.n_components
        return None if rows >= needed else f"{self.n_components} components need {needed} clips, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return self.n_components * (dim * (dim + 1) // 2 + dim) + self.n_components - 1

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedGmm:
        fitted = mixture.fit(np.asarray(x, dtype=np.float64), self.n_components, seed % 2**32)
        return FittedGmm(*fitted, best_component=self.score == "best-component")

    def restore(self, arrays: Arrays) -> FittedGmm:
        weights, means, cholesky = (
            np.asarray(arrays[k], np.float64) for k in ("weights", "means", "precisions_cholesky")
        )
        if means.ndim != 2 or cholesky.shape != (*means.shape, means.shape[1]) or weights.shape != means.shape[:1]:
            raise GensupError(
                "the model's arrays do not fit together", value=str({k: v.shape for k, v in arrays.items()})
            )
        return FittedGmm(weights, means, cholesky, self.score == "best-component")

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
