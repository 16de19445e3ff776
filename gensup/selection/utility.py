"""Utility in the shape of the official score, and each family read at one fixed difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import auc, hmean, pauc
from gensup.selection.constants import constants
from gensup.selection.records import Exam, Judgement, ScoreTable

Vector = NDArray[np.float64]


def judge(table: ScoreTable) -> tuple[Judgement, ...]:
    """One judgement a family, with the weight that its severity, provenance and mechanism earn.

    Families of one mechanism share a vote: five renderers of one idea are one idea.
    """
    by_family: dict[str, list[Exam]] = {}
    for exam in table.exams:
        by_family.setdefault(exam.question.family, []).append(exam)
    read = [_read(table, exams) for exams in by_family.values()]
    voters = [judgement.mechanism for judgement in read if judgement.weight > 0]
    return tuple(
        Judgement(
            j.family,
            j.mechanism,
            j.status,
            j.value,
            j.auc,
            j.severity,
            j.weight / max(1, voters.count(j.mechanism)),
            j.why,
        )
        for j in read
    )


def utility(table: ScoreTable, exam: Exam) -> tuple[Vector, Vector]:
    """(trials,) utility and plain AUC of one exam.

    Utility is the harmonic mean of the AUCs of either domain's normal clips against all anomalies and the partial AUC
    of all, like the official score since DCASE 2022. The few target clips' AUC is shrunk towards everybody's.
    """
    fixed = constants()
    normal, anomaly = table.scores[:, exam.normal], table.scores[:, exam.anomaly]
    everybody = auc(normal, anomaly)
    partial = pauc(normal, anomaly, fixed.max_fpr)
    target = np.array([table.columns[i].target_domain is True for i in exam.normal])
    if not target.any() or target.all():
        return hmean(np.stack([everybody, partial], axis=-1), axis=-1), everybody
    source_auc = auc(normal[:, ~target], anomaly)
    n_target = int(target.sum())
    raw = auc(normal[:, target], anomaly)
    target_auc = (n_target * raw + fixed.domain_prior * everybody) / (n_target + fixed.domain_prior)
    return hmean(np.stack([source_auc, target_auc, partial], axis=-1), axis=-1), everybody


def _read(table: ScoreTable, exams: Sequence[Exam]) -> Judgement:
    """A family's ladder, read where the median candidate's AUC is the fixed difficulty."""
    fixed = constants()
    question = exams[0].question
    rungs = [(exam.question.severity, *utility(table, exam)) for exam in exams]
    weight, why = fixed.status_weight[question.status], ""
    medians = [float(np.median(plain)) for _, _, plain in rungs]
    severity, value, plain = rungs[-1]
    if medians[0] > fixed.saturated:
        severity, value, plain = rungs[0]
        weight, why = 0.0, f"too easy: the median AUC is {medians[0]:.3f} at the weakest severity"
    elif float(np.quantile(plain, 0.9)) < fixed.hopeless:
        weight, why = 0.0, f"too hard: 90 % of candidates stay below AUC {fixed.hopeless} at the strongest severity"
    elif medians[0] >= fixed.difficulty:
        severity, value, plain = rungs[0]
        why = f"read at the weakest severity, median AUC {medians[0]:.2f}"
    elif max(medians) < fixed.difficulty:
        best = int(np.argmax(medians))
        severity, value, plain = rungs[best]
        why = f"read at its most audible severity, median AUC {medians[best]:.2f}"
    else:
        upper = next(i for i, median in enumerate(medians) if median >= fixed.difficulty)
        share = (fixed.difficulty - medians[upper - 1]) / (medians[upper] - medians[upper - 1])
        (low, low_value, low_plain), (high, high_value, high_plain) = rungs[upper - 1], rungs[upper]
        # Severities are ratios, so the way between two rungs is geometric.
        severity = float(low ** (1 - share) * high**share) if low > 0 else low + share * (high - low)
        value = (1 - share) * low_value + share * high_value
        plain = (1 - share) * low_plain + share * high_plain
        why = f"read between severities {low:g} and {high:g}, where the median AUC is {fixed.difficulty}"
    return Judgement(question.family, question.mechanism, question.status, value, plain, severity, weight, why)


def ladders(table: ScoreTable) -> dict[str, list[tuple[float, float]]]:
    """Severity and median AUC of every rung, by family: what the report draws."""
    result: dict[str, list[tuple[float, float]]] = {}
    for exam in table.exams:
        median = float(np.median(auc(table.scores[:, exam.normal], table.scores[:, exam.anomaly])))
        result.setdefault(exam.question.family, []).append((exam.question.severity, median))
    assert all(a < b for rungs in result.values() for (a, _), (b, _) in pairwise(rungs))
    return result
