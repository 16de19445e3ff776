"""Confidence intervals by leaving out one clip at a time, for AUC and partial AUC, without computing either N times.

An AUC is a mean over anomalies of the share of normal clips below each (a partial AUC: of the part of that share that
lies within the false positive rates asked for), so that leaving a clip out takes one term or one normal clip away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Half widths of a jackknife interval, by both divisors."""

    published: float  # sum of squares / (N (N - 1)), as the official evaluators have it
    usual: float  # (N - 1) / N times the sum of squares


def interval(left_out: ArrayLike, confidence: float) -> Interval | None:
    """Half widths from the N values with one clip left out each; None where one of them is not defined, or N < 2.

    Args:
        left_out: (N,).
        confidence: of Student's t with N - 1 degrees of freedom, e.g. 0.95.
    """
    values = np.asarray(left_out, dtype=np.float64)
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return None
    apart = values - values.mean()
    apart[np.abs(apart) < 4 * np.finfo(float).eps] = 0  # what rounding alone does is no spread
    squares = float((apart**2).sum())
    critical = float(stdtrit(n - 1, (1 + confidence) / 2))
    return Interval(critical * math.sqrt(squares / (n * (n - 1))), critical * math.sqrt(squares * (n - 1) / n))


def leave_one_out(normal: ArrayLike, anomaly: ArrayLike, max_fpr: float = 1.0) -> Vector:
    """AUC, or partial AUC standardised as in ``gensup.metrics.pauc``, without each clip in turn.

    Args:
        normal: (n,) finite scores.
        anomaly: (m,) finite scores.
        max_fpr: upper end of the false positive rates, at most 1, which is plain AUC.

    Returns:
        (n + m,), normal clips first; NaN where nothing of one kind would be left.
    """
    low, high = np.sort(np.asarray(normal, dtype=np.float64)), np.sort(np.asarray(anomaly, dtype=np.float64))
    n, m = len(low), len(high)
    out = np.full(n + m, np.nan)
    below = np.searchsorted(low, high, "left")
    tied = np.searchsorted(low, high, "right") - below
    above = n - below - tied
    if n and m > 1:
        terms = _detected(above, tied, max_fpr * n)
        # In the callers' order, so that out[n + j] is of anomaly[j].
        place = np.argsort(np.argsort(np.asarray(anomaly, dtype=np.float64), kind="stable"), kind="stable")
        out[n:] = ((terms.sum() - terms) / (n * (m - 1)))[place]
    if m and n > 1:
        width = max_fpr * (n - 1)
        same = _sums(_detected(above, tied, width))  # anomalies above the clip that is left out
        beside = _sums(_detected(above, np.maximum(tied - 1, 0), width))  # tied with it
        under = _sums(_detected(np.maximum(above - 1, 0), tied, width))  # below it: one normal clip less above them
        values = np.asarray(normal, dtype=np.float64)
        first, last = np.searchsorted(high, values, "left"), np.searchsorted(high, values, "right")
        total = under[first] + (beside[last] - beside[first]) + (same[m] - same[last])
        out[:n] = total / ((n - 1) * m)
    if max_fpr == 1:
        return out
    least = max_fpr**2 / 2
    return np.asarray((1 + (out - least) / (max_fpr - least)) / 2)


def _detected(above: NDArray[np.intp], tied: NDArray[np.intp], width: float) -> Vector:
    """Area under one anomaly's step from 0 to 1, over false positives from 0 to ``width``; within a tie it is a ramp.

    Args:
        above: (m,) normal clips that score higher.
        tied: (m,) normal clips that score the same.
    """
    past = np.clip(width - above, 0, None)
    ramp = np.minimum(past, tied)
    return np.asarray(np.divide(ramp**2, 2 * tied, out=np.zeros(len(ramp)), where=tied > 0) + (past - ramp))


def _sums(values: Vector) -> Vector:
    """(m + 1,) sums of the first 0, 1, ... m values."""
    return np.concatenate([[0.0], np.cumsum(values)])
