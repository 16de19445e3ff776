"""Distances between two sets of vectors, by one matrix product, in blocks that fit the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Vectors

DISTANCES_AT_ONCE = 2**21  # 16 MB of them, and as much again while they are sorted

Metric: TypeAlias = Literal["cosine", "euclidean"]
Matrix = NDArray[np.float64]


def blocks(queries: Vectors, bank: Vectors, metric: Metric) -> Iterator[tuple[slice, Matrix]]:
    """Rows of ``queries`` and their distances (rows, bank), a block after the other.

    Cosine distance is 1 - cos; a vector of zeros is 1 from everything.
    """
    near, wide = _prepared(bank, bank, metric), _prepared(queries, bank, metric)
    step = max(1, DISTANCES_AT_ONCE // len(bank))
    for start in range(0, len(queries), step):
        yield slice(start, start + step), _distances(wide[start : start + step], near, metric)


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
