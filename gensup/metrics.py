"""AUC, partial AUC and the harmonic mean as the DCASE Task 2 evaluators compute them: pure functions on arrays.

Scores are higher for what is more anomalous. Leading axes are batches: the scores of 200 candidates on 40 exams are one
call. What is not defined is NaN, never 0.5.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gensup.errors import GensupError

EPSILON = sys.float_info.epsilon
_BLOCK = 1 << 16  # scores sorted at once: they and what is counted from them stay in the processor's cache


def auc(normal: ArrayLike, anomaly: ArrayLike) -> NDArray[np.float64]:
    """Area under the ROC curve: how often an anomaly scores above a normal clip, ties counting half (Mann-Whitney).

    Args:
        normal: (..., n) scores.
        anomaly: (..., m) scores; leading axes broadcast against those of ``normal``.

    Returns:
        (...), NaN where n or m is 0 or a score is NaN.
    """
    return _areas(normal, anomaly, 1.0)


def pauc(normal: ArrayLike, anomaly: ArrayLike, max_fpr: float = 0.1) -> NDArray[np.float64]:
    """Partial AUC up to a false positive rate, standardised so that chance is 0.5 (McClish 1989).

    With A the area under the ROC curve (ties merged, linear between its corners) over rates in [0, p]:
    ``(1 + (A - p²/2) / (p - p²/2)) / 2``, which is scikit-learn's ``roc_auc_score(max_fpr=p)``.

    Args:
        normal: (..., n) scores.
        anomaly: (..., m) scores; leading axes broadcast against those of ``normal``.
        max_fpr: p in (0, 1]; at 1 this is ``auc``.

    Returns:
        (...), NaN where n or m is 0 or a score is NaN.
    """
    if not 0 < max_fpr <= 1:
        raise GensupError("no partial AUC", where="max_fpr", value=max_fpr, rule="above 0 and at most 1")
    area = _areas(normal, anomaly, max_fpr)
    if max_fpr == 1:
        return area
    least = max_fpr**2 / 2
    return np.asarray((1 + (area - least) / (max_fpr - least)) / 2)


def hmean(values: ArrayLike, axis: int | tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Harmonic mean of max(value, 2.2e-16), the evaluators' floor: one zero makes the mean about zero, not an error.

    Args:
        values: any shape, NaN carries over.
        axis: what is averaged over; None is everything. NaN where that is empty.
    """
    floored = np.maximum(np.asarray(values, dtype=np.float64), EPSILON)
    total = np.asarray((1 / floored).sum(axis=axis))
    count = floored.size // total.size if total.size else 0
    return np.asarray(count / total) if count else np.full(total.shape, np.nan)


def _areas(normal: ArrayLike, anomaly: ArrayLike, max_fpr: float) -> NDArray[np.float64]:
    """Area under the ROC curve over false positive rates in [0, max_fpr], (...)."""
    low, high = np.asarray(normal), np.asarray(anomaly)
    batch = np.broadcast_shapes(low.shape[:-1], high.shape[:-1])
    n, m = low.shape[-1], high.shape[-1]
    areas = np.full(int(np.prod(batch)), np.nan)
    if n and m:
        low = np.broadcast_to(low, (*batch, n)).reshape(-1, n)
        high = np.broadcast_to(high, (*batch, m)).reshape(-1, m)
        step = max(1, _BLOCK // (n + m))
        for start in range(0, len(areas), step):
            rows = slice(start, start + step)
            areas[rows] = _block_areas(np.concatenate([low[rows], high[rows]], axis=1), n, max_fpr)
    return areas.reshape(batch)


def _block_areas(scores: NDArray[np.generic], n: int, max_fpr: float) -> NDArray[np.float64]:
    """(rows,) areas of (rows, n + m) scores whose first n columns are normal."""
    order = np.argsort(scores, axis=1)[:, ::-1]
    falling = np.take_along_axis(scores, order, axis=1)
    false = np.cumsum(order < n, axis=1, dtype=np.float64)
    true = np.arange(1, scores.shape[1] + 1) - false
    # A corner of the curve stands where the score falls; inside a tie the curve stays at the corner before it.
    inside = np.zeros(scores.shape, dtype=bool)
    inside[:, :-1] = falling[:, :-1] == falling[:, 1:]
    if inside.any():
        for counts in (false, true):
            counts[inside] = 0
            np.maximum.accumulate(counts, axis=1, out=counts)
    width = np.diff(false, axis=1, prepend=0)
    rise = np.diff(true, axis=1, prepend=0)
    within = np.clip(max_fpr * n - (false - width), 0, width)  # the part of each piece that lies left of max_fpr
    slope = np.divide(rise, width, out=np.zeros_like(width), where=width > 0)
    area = (within * (true - rise + slope * within / 2)).sum(axis=1) / (n * (scores.shape[1] - n))
    area[np.isnan(scores).any(axis=1)] = np.nan
    return np.asarray(area)
