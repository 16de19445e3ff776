"""Gaussian mixture with full covariances, the back end of TWFR-GMM (Guan et al., ICASSP 2023; their gmmer.py)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError

REG_COVAR = 1e-6  # added to the covariances' diagonals, as published
TOL = 1e-6  # EM stops when the mean log-likelihood gains less, as published
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
        x64 = np.asarray(x, dtype=np.float64)
        dim = x64.shape[1]
        log_density = np.empty((len(x64), len(self.means)))
        for k, (mean, cholesky) in enumerate(zip(self.means, self.precisions_cholesky, strict=True)):
            whitened = (x64 - mean) @ cholesky
            half_log_det = np.log(np.diagonal(cholesky)).sum()
            log_density[:, k] = half_log_det - 0.5 * (dim * np.log(2 * np.pi) + np.square(whitened).sum(axis=1))
        if self.best_component:
            return np.asarray(-log_density.max(axis=1))
        return np.asarray(-np.logaddexp.reduce(log_density + np.log(self.weights), axis=1))

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

    def n_parameters(self, dim: int) -> int:
        return self.n_components * (dim * (dim + 1) // 2 + dim) + self.n_components - 1

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedGmm:
        x64 = np.asarray(x, dtype=np.float64)
        if self.n_components == 1:
            mean, cholesky = _gaussian(x64)
            return FittedGmm(np.ones(1), mean[None], cholesky[None], self.score == "best-component")
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(self.n_components, tol=TOL, reg_covar=REG_COVAR, random_state=seed % 2**32)
        with warnings.catch_warnings():
            # 100 rounds without reaching the published tolerance is how the published system runs.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(x64)
        return FittedGmm(mixture.weights_, mixture.means_, mixture.precisions_cholesky_, self.score == "best-component")

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


def _gaussian(x: Matrix) -> tuple[Matrix, Matrix]:
    """Mean (D,) and precision Cholesky factor (D, D) of one Gaussian: EM's fixed point at K = 1, without EM."""
    from scipy.linalg import cholesky, solve_triangular

    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / len(x) + REG_COVAR * np.eye(x.shape[1])
    lower = cholesky(covariance, lower=True)
    return mean, np.asarray(solve_triangular(lower, np.eye(len(lower)), lower=True).T)
