"""How far an autoencoder is off: mean squares, or selective Mahalanobis distances in the paper's and the code's form.

Harada et al. (2023) measure residuals by the nearer of two domains: in the paper vector by vector, in the code behind
the published numbers by the mean residual frame of a clip, whichever of a vector's frames it was.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Residual: TypeAlias = Literal["mse", "mahalanobis-paper", "mahalanobis-code"]
Matrix: TypeAlias = NDArray[np.float64]


def inverses(
    residuals: NDArray[np.float32], target_domain: NDArray[np.bool_], form: Residual, bands: int, batch: int
) -> tuple[Matrix, Matrix]:
    """Inverse covariances of the residuals (vectors, frames x bands) of each domain; without a target domain, the
    source's twice.

    Args:
        target_domain: (vectors,).
        batch: vectors whose mean the code's form takes off together.
    """
    found: list[Matrix] = []
    for rows in (~target_domain, target_domain):
        own = residuals[rows].astype(np.float64)
        if len(own) < 2:
            found.append(found[0] if found else np.empty(0))
            continue
        if form == "mahalanobis-paper":
            covariance: Matrix = np.atleast_2d(np.cov(own, rowvar=False))
        else:
            covariance = _by_batches(own, bands, batch)
        found.append(np.asarray(np.linalg.pinv(covariance, hermitian=True), dtype=np.float64))
    source, target = found
    return (source, target) if source.size else (target, target)


def off(
    residuals: NDArray[np.float32], form: Residual, bands: int, inverse: tuple[Matrix, Matrix] | None
) -> NDArray[np.float64]:
    """(vectors,) how far each is off, or (1,) for the code's form, which is of the whole clip.

    Args:
        residuals: (vectors, frames x bands) of one clip.
        inverse: source's and target's, from ``inverses``; of mean squares there is none.
    """
    x = residuals.astype(np.float64)
    if form == "mse" or inverse is None:
        return np.asarray((x**2).mean(axis=1))
    if form == "mahalanobis-code":
        x = x.reshape(-1, bands).mean(axis=0, keepdims=True)
        return np.asarray(np.min([((x @ p) * x).sum(axis=1) for p in inverse], axis=0))
    return np.asarray(np.min([((x @ p) * x).sum(axis=1) for p in inverse], axis=0) / x.shape[1])


def _by_batches(residuals: Matrix, bands: int, batch: int) -> Matrix:
    """As the code has it: every frame is a row, its batch's mean is taken off, and the sum is over vectors less one."""
    total = np.zeros((bands, bands))
    for start in range(0, len(residuals), batch):
        rows = residuals[start : start + batch].reshape(-1, bands)
        away = rows - rows.mean(axis=0)
        total += away.T @ away
    return np.asarray(total / (len(residuals) - 1))
