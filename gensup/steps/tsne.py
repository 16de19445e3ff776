"""t-SNE (van der Maaten & Hinton 2008) of a few hundred vectors, exact: a picture, by which nothing is decided.

Not scikit-learn's: that one takes half a second to load and seconds to run, and its sums depend on its threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]

PERPLEXITY = 30.0  # effective neighbours of a point, of many points; of few a third of them
BISECTIONS = 60
ITERATIONS, EARLY = 400, 150  # steps, and those in which like points are pulled together first
EXAGGERATION = 12.0
SPREAD = 1e-4  # standard deviation of the first layout


def tsne(vectors: Floats) -> Floats:
    """(n, 2) a place for each of n >= 4 vectors (n, dim): near ones stay near, distances between groups say nothing.

    It begins with the first two principal components and draws nothing: the same vectors give the same places.
    """
    n = len(vectors)
    with threadpool_limits(1):
        p = affinities(vectors, min(PERPLEXITY, (n - 1) / 3))
        y = _components(vectors)
        velocity, gains = np.zeros_like(y), np.ones_like(y)
        rate = max(n / EXAGGERATION / 4, 50.0)
        for step in range(ITERATIONS):
            early = step < EARLY
            slope = gradient(p * EXAGGERATION if early else p, y)
            gains = np.maximum(np.where(velocity * slope < 0, gains + 0.2, gains * 0.8), 0.01)
            velocity = (0.5 if early else 0.8) * velocity - rate * gains * slope
            y = y + velocity
    return np.asarray(y - y.mean(axis=0))


def affinities(vectors: Floats, perplexity: float) -> Floats:
    """(n, n) joint probabilities of neighbours: every point's Gaussian has the perplexity; then the mean both ways."""
    squares = _squared(vectors)
    np.fill_diagonal(squares, np.inf)
    squares -= squares.min(axis=1, keepdims=True)  # the nearest at 0: nothing underflows as a whole
    scale = np.median(squares[np.isfinite(squares)]) or 1.0
    low, high = np.full(len(vectors), -60.0), np.full(len(vectors), 60.0)  # of the binary logarithm of the precision
    near = np.where(np.isfinite(squares), squares, 0) / scale
    itself = np.eye(len(vectors), dtype=bool)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        precision = 2.0 ** middle[:, None]
        p = np.where(itself, 0, np.exp(-near * precision))
        total = p.sum(axis=1)
        entropy = np.log(total) + precision[:, 0] * (p * near).sum(axis=1) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    p /= total[:, None]
    return np.asarray((p + p.T) / (2 * len(p)))


def gradient(p: Floats, y: Floats) -> Floats:
    """(n, 2) slope of the Kullback-Leibler divergence of the layout ``y`` (n, 2) from ``p`` (n, n)."""
    kernel = 1 / (1 + _squared(y))
    np.fill_diagonal(kernel, 0)
    pull = (p - kernel / kernel.sum()) * kernel
    return np.asarray(4 * (pull.sum(axis=1)[:, None] * y - pull @ y))


def _squared(vectors: Floats) -> Floats:
    """(n, n) squared distances."""
    norms = (vectors**2).sum(axis=1)
    return np.asarray(np.maximum(norms[:, None] + norms - 2 * vectors @ vectors.T, 0))


def _components(vectors: Floats) -> Floats:
    """(n, 2) first two principal components, small; the largest loading of each is positive."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2, :][[0, 1], np.abs(axes[:2]).argmax(axis=1)])[:, None]
    y = centred @ axes.T
    return np.asarray(SPREAD * y / (y[:, 0].std() or 1.0))
