"""What candidates are worth in an exam, in the shape of the official score, on the clips as they are and on resamples.

A resample draws source clips with replacement, common to all candidates: what was made of a source, and the source
itself, are drawn together, because they are not independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import EPSILON
from gensup.rng import generator
from gensup.selection.constants import constants
from gensup.selection.records import Exam, ScoreTable

Floats = NDArray[np.float64]
BYTES_AT_ONCE = 1 << 24  # of one array of comparisons or counts; a handful of them is held at a time


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each source counts: once each in row 0, which is the table itself, then in every resample."""

    place: dict[str, int]  # source -> column of counts
    counts: Floats  # (1 + resamples, sources)

    @classmethod
    def of(cls, table: ScoreTable) -> Draws:
        """Sources drawn with replacement, as many as there are."""
        whole = cls.whole(table)
        n = len(whole.place)
        drawn = generator("bootstrap", n).multinomial(n, np.full(n, 1 / n), size=constants().resamples)
        return cls(whole.place, np.vstack([whole.counts, drawn]))

    @classmethod
    def whole(cls, table: ScoreTable) -> Draws:
        """The table itself, without resamples."""
        sources = sorted({column.source for column in table.columns})
        return cls({source: i for i, source in enumerate(sources)}, np.ones((1, len(sources))))


def utility(table: ScoreTable, scores: Floats, exam: Exam, draws: Draws) -> tuple[Floats, Floats]:
    """Utility and plain AUC of every row of ``scores`` (rows, columns) in one exam, each (rows, draws).

    Utility is the harmonic mean of the AUCs of either domain's normal clips against all anomalies and the partial AUC
    of all, like the official score since DCASE 2022. The few target clips' AUC is shrunk towards everybody's; they are
    counted by source, since a clip and its nuisance copies are no two witnesses. NaN where a resample holds no anomaly
    or no normal clip.
    """
    fixed = constants()
    everybody = _Against(table, exam.normal, exam.anomaly, draws)
    target = tuple(i for i in exam.normal if table.columns[i].target_domain is True)
    domains = 0 < len(target) < len(exam.normal)
    few = _Against(table, target, exam.anomaly, draws) if domains else None
    utilities, aucs = [], []
    row = len(exam.anomaly) * (len(exam.normal) + 8 * len(draws.counts))
    at_once = max(1, BYTES_AT_ONCE // row)
    for start in range(0, len(scores), at_once):
        block = scores[start : start + at_once]
        before, tied = everybody.counted(block)
        area = everybody.area(before, tied)
        partial = (everybody.partial(before, tied, fixed.max_fpr) - fixed.max_fpr**2 / 2) / (
            fixed.max_fpr - fixed.max_fpr**2 / 2
        )
        parts = [area, (1 + partial) / 2]
        if few is not None:
            target_before, target_tied = few.counted(block)
            n_all, n_few = everybody.normals[None], few.normals[None]
            with np.errstate(invalid="ignore", divide="ignore"):
                raw = np.where(n_few > 0, few.area(target_before, target_tied), 0.0)
                source = (area * n_all - raw * n_few) / (n_all - n_few)
            n_target = few.sources[None]
            shrunk = (n_target * raw + fixed.domain_prior * area) / (n_target + fixed.domain_prior)
            parts = [source, shrunk, parts[1]]
        utilities.append(len(parts) / sum(1 / np.maximum(part, EPSILON) for part in parts))
        aucs.append(area)
    return np.concatenate(utilities), np.concatenate(aucs)


class _Against:
    """Some normal clips against some anomalies: how many normals, by resample, score above each anomaly."""

    def __init__(self, table: ScoreTable, normal: tuple[int, ...], anomaly: tuple[int, ...], draws: Draws) -> None:
        by_source = sorted(normal, key=lambda i: draws.place[table.columns[i].source])
        sources = np.array([draws.place[table.columns[i].source] for i in by_source])
        present, self.first = np.unique(sources, return_index=True)
        # Single precision: counts are small whole numbers, exact in any order of summing.
        self.counts = draws.counts[:, present].astype(np.float32)
        self.places, self.anomaly = np.array(by_source), np.array(anomaly)
        self.weights = draws.counts[:, [draws.place[table.columns[i].source] for i in anomaly]]
        self.normals: Floats = draws.counts[:, sources].sum(axis=1)  # (draws,)
        self.sources: Floats = draws.counts[:, present].sum(axis=1)

    def counted(self, scores: Floats) -> tuple[Floats, Floats | None]:
        """(rows, draws, anomalies) normals that score above each anomaly, and those that tie with it (None: nobody)."""
        low, high = scores[:, self.places, None], scores[:, None, self.anomaly]
        tied = low == high
        return self._summed(low > high), self._summed(tied) if tied.any() else None

    def area(self, before: Floats, tied: Floats | None) -> Floats:
        """(rows, draws) area under the ROC curve."""
        above = before if tied is None else before + tied / 2
        return self._mean(1 - self._rate(above))

    def partial(self, before: Floats, tied: Floats | None, max_fpr: float) -> Floats:
        """(rows, draws) area over false positive rates in [0, max_fpr]; straight across a tie."""
        low = self._rate(before)
        if tied is None:
            return self._mean(np.maximum(max_fpr - low, 0))
        high = self._rate(before + tied)
        with np.errstate(invalid="ignore", divide="ignore"):
            crossing = np.maximum(max_fpr - low, 0) ** 2 / (2 * (high - low))
        return self._mean(np.where(high <= max_fpr, max_fpr - (low + high) / 2, np.where(low < max_fpr, crossing, 0)))

    def _summed(self, above: NDArray[np.bool_]) -> Floats:
        """(rows, draws, anomalies) from (rows, normals, anomalies)."""
        by_source = np.add.reduceat(above.view(np.int8), self.first, axis=1, dtype=np.float32)
        return np.asarray(self.counts @ by_source, dtype=np.float64)

    def _rate(self, count: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(count / self.normals[:, None])

    def _mean(self, values: Floats) -> Floats:
        """Over anomalies, as often as each counts."""
        total = self.weights.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(total > 0, np.einsum("rdm,dm->rd", values, self.weights) / total, np.nan))
