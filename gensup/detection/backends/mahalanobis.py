"""Mahalanobis distance from the normal clips, with a covariance shrunk towards a sphere of the same total variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError

ROWS = 2  # one clip has no covariance

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FittedMahalanobis:
    """A mean, and L of the covariance L Lᵀ."""

    mean: Matrix  # (D,)
    cholesky: Matrix  # (D, D), lower triangular

    @property
    def dim(self) -> int:
        return len(self.mean)

    def score(self, x: Vectors) -> Scores:
        """sqrt((x - mean)ᵀ Σ⁻¹ (x - mean))."""
        from scipy.linalg import solve_triangular

        centred = np.asarray(x, dtype=np.float64) - self.mean
        whitened = solve_triangular(self.cholesky, centred.T, lower=True, overwrite_b=True, check_finite=False)
        return np.asarray(np.sqrt(np.einsum("ij,ij->j", whitened, whitened)))

    def state(self) -> Arrays:
        return {"mean": self.mean, "cholesky": self.cholesky}


@dataclass(frozen=True, slots=True)
class Mahalanobis:
    """Covariance (1 - r) S + r tr(S)/D I, with r the ``regularization`` (Ledoit & Wolf 2004 for what it does)."""

    regularization: float = 0.1

    name: ClassVar[str] = "mahalanobis"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 1e-6 <= self.regularization <= 1:
            raise GensupError(
                "out of range",
                where="backend.regularization",
                value=self.regularization,
                rule="1e-6 to 1 (Euclidean distance): with fewer clips than dimensions 0 has no inverse",
            )

    def unfit(self, rows: int) -> str | None:
        return None if rows >= ROWS else f"a covariance needs {ROWS} clips, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return dim * (dim + 1) // 2 + dim

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedMahalanobis:
        mean, covariance = _moments(x)
        return FittedMahalanobis(mean, self._factor(covariance))

    def restore(self, arrays: Arrays) -> FittedMahalanobis:
        mean, cholesky = (np.asarray(arrays[k], dtype=np.float64) for k in ("mean", "cholesky"))
        if mean.ndim != 1 or cholesky.shape != (len(mean), len(mean)):
            raise GensupError(
                "the model's arrays do not fit together", value=str({k: v.shape for k, v in arrays.items()})
            )
        return FittedMahalanobis(mean, cholesky)

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> Matrix:
        mean, covariance = _moments(x)
        return np.stack([FittedMahalanobis(mean, config._factor(covariance)).score(queries) for config in configs])

    def _factor(self, covariance: Matrix) -> Matrix:
        from scipy.linalg import LinAlgError, cholesky

        shrunk = (1 - self.regularization) * covariance
        np.einsum("ii->i", shrunk)[:] += self.regularization * np.trace(covariance) / len(covariance)
        try:
            # In C order, as it comes back from disk: another layout rounds differently.
            return np.ascontiguousarray(cholesky(shrunk, lower=True, overwrite_a=True, check_finite=False))
        except LinAlgError:
            raise GensupError(
                "the clips have no proper covariance",
                rule="it is positive definite once it is shrunk",
                remedy="raise backend.regularization, or give clips that are not all equal",
            ) from None


def _moments(x: Vectors) -> tuple[Matrix, Matrix]:
    """Mean (D,) and maximum-likelihood covariance (D, D)."""
    wide = np.asarray(x, dtype=np.float64)
    mean = wide.mean(axis=0)
    centred = wide - mean
    return mean, np.asarray(centred.T @ centred / len(wide))
