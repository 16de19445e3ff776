"""K-means as scikit-learn's ``KMeans(k, n_init=1, random_state=seed)`` does it, without its second of preparations.

Greedy k-means++ (Arthur & Vassilvitskii, SODA 2007) and Lloyd's rounds, with the same draws from the same generator:
the same partition. A sweep begins hundreds of small fits with one, where scikit-learn's checks cost as much as the fit,
and a worker that need not import it starts in half the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 300
TOLERANCE = 1e-4  # of the mean variance: centres that move less have arrived

Matrix = NDArray[np.float64]
Labels = NDArray[np.intp]


def partition(x: Matrix, k: int, seed: int) -> Labels:
    """(rows,) cluster of each row of ``x`` (rows, D), 0 to k - 1; with fewer distinct rows than k some stay empty."""
    centred = x - x.mean(axis=0)
    arrived = TOLERANCE * float(np.mean(np.var(x, axis=0)))
    centres = _seeded(centred, k, np.random.RandomState(seed))
    labels = np.full(len(x), -1, dtype=np.intp)
    for _ in range(ROUNDS):
        before, labels = labels, _nearest(centred, centres)
        counts = np.bincount(labels, minlength=k)
        if not counts.all():
            return _relocating(x, k, seed)
        if np.array_equal(labels, before):
            return labels
        moved = (np.eye(k)[:, labels] @ centred) / counts[:, None]
        shift = float(np.square(moved - centres).sum())
        centres = moved
        if shift <= arrived:
            break
    return _nearest(centred, centres)


def _seeded(x: Matrix, k: int, random: np.random.RandomState) -> Matrix:
    """(k, D) rows of ``x`` by greedy k-means++: of a few drawn by their distance, the one that leaves least of it.

    Two rows that are each other's nearest leave the same: rounding decides, so every sum is scikit-learn's to the bit.
    """
    tries = 2 + int(np.log(k))
    ones = np.ones(len(x))
    norms = np.einsum("ij,ij->i", x, x)
    chosen = [int(random.choice(len(x), p=ones / len(x)))]
    nearest = _distances(x, norms, chosen)[0]
    total = nearest @ ones
    for _ in range(1, k):
        drawn = np.searchsorted(np.cumsum(nearest), random.uniform(size=tries) * total)
        drawn = np.minimum(drawn, len(x) - 1)
        left = np.minimum(nearest, _distances(x, norms, drawn))
        totals = left @ ones[:, None]
        best = int(np.argmin(totals))
        nearest, total = left[best], totals[best, 0]
        chosen.append(int(drawn[best]))
    return x[chosen]


def _distances(x: Matrix, norms: Matrix, rows: Labels | list[int]) -> Matrix:
    """(rows, all) squared distances of some rows to all."""
    return np.asarray(np.maximum(-2 * (x[rows] @ x.T) + norms[rows][:, None] + norms, 0))


def _nearest(x: Matrix, centres: Matrix) -> Labels:
    distances = np.einsum("ij,ij->i", centres, centres) - 2 * (x @ centres.T)
    return np.asarray(np.argmin(distances, axis=1))


def _relocating(x: Matrix, k: int, seed: int) -> Labels:
    """A cluster has lost all of its rows: finding it new ones is seldom enough to be left to scikit-learn."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(KMeans(k, n_init=1, random_state=seed).fit(x).labels_, dtype=np.intp)
