"""How much a utility owes to which clips happened to be there: resamples of source clips, common to all candidates.

A source's twins and the source itself are drawn together: they are not independent of each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import EPSILON
from gensup.rng import generator
from gensup.selection.constants import constants
from gensup.selection.records import Exam, ScoreTable

Floats = NDArray[np.float64]


def draws(table: ScoreTable) -> Floats:
    """(resamples, columns) how often each column counts: sources drawn with replacement, as many as there are."""
    sources = sorted({column.source for column in table.columns})
    place = {source: i for i, source in enumerate(sources)}
    rng = generator("bootstrap", len(sources))
    counts = rng.multinomial(len(sources), np.full(len(sources), 1 / len(sources)), size=constants().resamples)
    return counts[:, [place[column.source] for column in table.columns]].astype(np.float64)


def resampled(table: ScoreTable, exam: Exam, weights: Floats) -> Floats:
    """(trials, resamples) ``utility.utility`` of an exam, NaN where a resample holds no anomaly or no normal clip."""
    places = np.array([*exam.normal, *exam.anomaly])
    anomalous = np.arange(len(places)) >= len(exam.normal)
    target = np.array([table.columns[i].target_domain is True for i in places])
    # Where all normal clips are of one domain there is nothing to average over.
    domains = bool(target[~anomalous].any() and not target[~anomalous].all())
    kinds = np.stack([~anomalous & ~target, ~anomalous & target, anomalous])
    counted = weights[:, places]
    return np.stack([_utility(scores[places], counted, kinds, domains) for scores in table.scores])


def _utility(scores: Floats, weights: Floats, kinds: NDArray[np.bool_], domains: bool) -> Floats:
    """(resamples,) utility of one trial; ``kinds`` are source normals, target normals and anomalies, (3, clips)."""
    fixed = constants()
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    ends = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))  # the corners of the curve, ties merged
    source, target, true = (np.cumsum(weights[:, order] * kind[order], axis=1)[:, ends] for kind in kinds)
    false = source + target
    everybody = _area(false, true, 1.0)
    least = fixed.max_fpr**2 / 2
    partial = (1 + (_area(false, true, fixed.max_fpr) - least) / (fixed.max_fpr - least)) / 2
    parts = [everybody, partial]
    if domains:
        n_target = target[:, -1]
        raw = np.where(n_target > 0, _area(target, true, 1.0), 0.0)
        parts = [_area(source, true, 1.0), (n_target * raw + fixed.domain_prior * everybody), partial]
        parts[1] /= n_target + fixed.domain_prior
    return np.asarray(len(parts) / sum(1 / np.maximum(part, EPSILON) for part in parts))


def _area(false: Floats, true: Floats, max_fpr: float) -> Floats:
    """(resamples,) area under curves of cumulated weights over false positive rates in [0, max_fpr]."""
    n, m = false[:, -1], true[:, -1]
    width = np.diff(false, axis=1, prepend=0)
    rise = np.diff(true, axis=1, prepend=0)
    within = np.clip(max_fpr * n[:, None] - (false - width), 0, width)
    slope = np.divide(rise, width, out=np.zeros_like(width), where=width > 0)
    area = (within * (true - rise + slope * within / 2)).sum(axis=1)
    return np.asarray(np.divide(area, n * m, out=np.full(len(n), np.nan), where=n * m > 0))
