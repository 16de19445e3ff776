"""Distances between two sets of vectors, in blocks that fit the cache: all of them, or each row's nearest.

The nearest are looked for by products of single precision, which take half the time, and measured in double precision:
every vector that the rounding leaves in doubt is measured, so what is found is what double precision alone would find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Vectors

DISTANCES_AT_ONCE = 2**21  # 16 MB of them, and as much again while they are sorted
DOUBTS = 64  # vectors beyond the k nearest that a row may leave in doubt; a row that leaves more is measured whole
CHUNKS = 32  # for each neighbour, so that two neighbours seldom share one
UNIT = 2.0**-24  # of rounding in single precision

Metric: TypeAlias = Literal["cosine", "euclidean"]
Matrix = NDArray[np.float64]
Single = NDArray[np.float32]


def blocks(queries: Vectors, bank: Vectors, metric: Metric) -> Iterator[tuple[slice, Matrix]]:
    """Rows of ``queries`` and their distances (rows, bank), a block after the other.

    Cosine distance is 1 - cos; a vector of zeros is 1 from everything.
    """
    near, wide = _prepared(bank, bank, metric), _prepared(queries, bank, metric)
    step = max(1, DISTANCES_AT_ONCE // len(bank))
    for start in range(0, len(queries), step):
        yield slice(start, start + step), _distances(wide[start : start + step], near, metric)


def nearest(
    queries: Vectors,
    bank: Vectors,
    metric: Metric,
    k: int,
    *,
    spread: Matrix | None = None,
    others: bool = False,
) -> Matrix:
    """(rows, k) distances to the k nearest, in ascending order.

    Args:
        k: at most len(bank), or one fewer with ``others``.
        spread: (bank,) positive numbers that distances are divided by, before they are compared.
        others: ``queries`` are the ``bank``, and none of them is its own neighbour.
    """
    near, wide = _prepared(bank, bank, metric), _prepared(queries, bank, metric)
    scale = np.ones(len(bank)) if spread is None else np.asarray(spread, dtype=np.float64)
    largest = float(np.sqrt(max(np.einsum("ij,ij->i", x, x).max(initial=0) for x in (near, wide))))
    unit = largest if 0 < largest < np.inf else 1.0  # nothing overflows, and nothing that counts is lost below
    small, few = (near / unit).astype(np.float32), (wide / unit).astype(np.float32)
    found = np.empty((len(queries), k))
    step = max(1, DISTANCES_AT_ONCE // len(bank))
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        own = np.arange(rows.start, rows.stop) if others else None
        doubtful = _doubtful(few[rows], small, metric, k, None if spread is None else scale, own)
        found[rows] = _measured(wide[rows], near, metric, k, scale, doubtful, own)
    return found


def _doubtful(
    queries: Single, bank: Single, metric: Metric, k: int, scale: Matrix | None, own: NDArray[np.intp] | None
) -> NDArray[np.bool_]:
    """(queries, bank): whose distance may be among the k smallest, by products whose error is bounded.

    A sum of d products in single precision, in any order, is off by less than d units of rounding of the product of
    the norms; a few more are those of the rest of the formula.
    """
    error = (queries.shape[1] + 32) * UNIT
    products = queries @ bank.T
    if metric == "cosine":
        compared = np.subtract(np.float32(1), products, out=products)
        doubt = np.full(len(queries), error, dtype=np.float32)
    else:
        lengths, mine = np.einsum("ij,ij->i", bank, bank), np.einsum("ij,ij->i", queries, queries)
        compared = np.multiply(products, np.float32(-2), out=products)
        compared += lengths
        compared += mine[:, None]
        doubt = (error * (np.sqrt(mine) + np.sqrt(lengths.max())) ** 2).astype(np.float32)
    if own is not None:
        compared[np.arange(len(own)), own] = np.inf
    if scale is None:
        most = _bound(compared, k) + 2 * doubt
        return np.asarray(compared <= most[:, None])
    # The smallest and the largest that a quotient can be; squares, where the distance is their root.
    weight = (1 / scale if metric == "cosine" else 1 / scale**2).astype(np.float32)
    low = compared * weight
    slack = doubt[:, None] * weight
    most = _bound(low + slack, k)
    return np.asarray(low - slack <= most[:, None] + 4 * np.float32(UNIT) * np.abs(most[:, None]))


def _bound(x: Single, k: int) -> Single:
    """(rows,) a number that at least k of a row's numbers do not exceed, and seldom many more.

    The k-th smallest of the minima of chunks: each is a number of the row, and chunks are fewer than numbers.
    """
    if k == 1:
        return np.asarray(x.min(axis=1))
    chunks = CHUNKS * k
    height = x.shape[1] // chunks
    if height > 1:
        whole = x[:, : height * chunks].reshape(len(x), height, chunks).min(axis=1)
        x = np.concatenate([whole, x[:, height * chunks :]], axis=1)
    return np.asarray(np.partition(x, k - 1, axis=1)[:, k - 1])


def _measured(
    queries: Matrix,
    bank: Matrix,
    metric: Metric,
    k: int,
    scale: Matrix,
    doubtful: NDArray[np.bool_],
    own: NDArray[np.intp] | None,
) -> Matrix:
    """(queries, k) smallest distances of those in doubt, in double precision."""
    counts = doubtful.sum(axis=1)
    many = np.flatnonzero(counts > k + DOUBTS)
    for place in many:
        whole = _apart(queries[place], bank, metric) / scale
        if own is not None:
            whole[own[place]] = np.inf
        doubtful[place] = False
        doubtful[place, np.argpartition(whole, k - 1)[:k]] = True
        counts[place] = k
    row, column = np.nonzero(doubtful)
    apart = np.full((len(queries), int(counts.max())), np.inf)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    pairs = max(1, DISTANCES_AT_ONCE // bank.shape[1])
    for start in range(0, len(row), pairs):
        part = slice(start, start + pairs)
        mine, theirs = row[part], column[part]
        apart[mine, rank[part]] = _apart(queries[mine], bank[theirs], metric) / scale[theirs]
    return np.asarray(np.sort(apart, axis=1)[:, :k])


def _apart(a: Matrix, b: Matrix, metric: Metric) -> Matrix:
    """(rows,) distances of prepared rows, one by one: no number depends on the others."""
    if metric == "cosine":
        return np.asarray(np.clip(1 - np.einsum("ij,ij->i", np.broadcast_to(a, b.shape), b), 0, 2))
    away = a - b
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", away, away)))


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
