"""Scores of normal clips by a model that was fitted without them, inside one fit: what scores are normalised by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Backend, Scores, Vectors
from gensup.rng import generator

FOLDS = 16  # where leaving out one at a time would mean as many fits as clips


def left_out(backend: Backend, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> Scores:
    """(rows,) of each by the others: one at a time where a back end can (``leave_one_out``), in 16 parts elsewhere."""
    exact = getattr(backend, "leave_one_out", None)
    if exact is not None:
        return np.asarray(exact(x, target_domain, seed))
    part = generator("left out", seed).permutation(len(x)) % min(FOLDS, len(x))
    scores = np.empty(len(x))
    for held in range(int(part.max()) + 1):
        others = part != held
        domain = None if target_domain is None else target_domain[others]
        scores[~others] = backend.fit(x[others], domain, seed).score(x[~others])
    return scores


def fewest(backend: Backend) -> int:
    """Rows of which each can be scored by the others."""
    rows = next(rows for rows in range(1, 1 << 16) if backend.unfit(rows) is None)
    return rows + 1 if hasattr(backend, "leave_one_out") else max(2, rows + -(-rows // (FOLDS - 1)))


def mean_and_scale(scores: Scores) -> tuple[float, float]:
    """Mean and standard deviation; 1 where all scores are equal."""
    spread = float(scores.std())
    return float(scores.mean()), spread if spread > 0 else 1.0
