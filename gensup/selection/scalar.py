"""One number for a trial, for a search that must know where to look next: fixed once, on the trials of a probe.

Weights, severities and ranks move with every trial that comes in; a sampler needs a target that stands still. The
verdict never reads this number: it is computed once, on the whole table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import auc
from gensup.selection.records import Exam, Judgement, ScoreTable
from gensup.selection.utility import by_family


@dataclass(frozen=True, slots=True)
class Scalar:
    """Families with their shares of the vote, and the exams by which each is read."""

    parts: tuple[tuple[float, tuple[Exam, ...]], ...]  # shares sum to 1

    def of(self, scores: NDArray[np.float64]) -> float:
        """Weighted mean over families of the logit of AUC, of one trial's ``scores`` (columns,); higher = better."""
        return float(sum(share * np.mean([logit_auc(scores, exam) for exam in exams]) for share, exams in self.parts))


def fixed(table: ScoreTable, judgements: Sequence[Judgement]) -> Scalar:
    """The scalar of a probe: its judgements' weights, each family at the rung nearest to where it is read.

    Where no family has a weight, all count the same: a search must go somewhere.
    """
    voters = [judgement for judgement in judgements if judgement.weight > 0]
    weights = {j.family: j.weight for j in voters} or {j.family: 1.0 for j in judgements}
    total, ladders = sum(weights.values()), by_family(table)
    read = {judgement.family: judgement.severity for judgement in judgements}
    return Scalar(
        tuple(
            (weight / total, tuple(ladders[family][_nearest(tuple(ladders[family]), read[family])]))
            for family, weight in sorted(weights.items())
        )
    )


def logit_auc(scores: NDArray[np.float64], exam: Exam) -> float:
    """Logit of the AUC of n normals against m anomalies, which is kept half a pair away from 0 and 1."""
    least = 0.5 / (len(exam.normal) * len(exam.anomaly))
    value = float(np.clip(auc(scores[list(exam.normal)], scores[list(exam.anomaly)]), least, 1 - least))
    return math.log(value / (1 - value))


def _nearest(rungs: Sequence[float], severity: float) -> float:
    """Severities are ratios; of two that are equally near, the fainter."""
    return min(rungs, key=lambda rung: (round(abs(math.log(rung / severity)), 9), rung))
