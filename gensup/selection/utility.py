"""Utility in the shape of the official score, and each family read at one fixed difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import auc, hmean, pauc
from gensup.selection import bootstrap
from gensup.selection.constants import constants
from gensup.selection.records import Exam, Judgement, ScoreTable

Vector = NDArray[np.float64]


def judge(table: ScoreTable) -> tuple[Judgement, ...]:
    """One judgement a family, weighted by what is known of its signature and by how much it tells candidates apart.

    Families of one mechanism share a vote: five renderers of one idea are one idea.
    """
    by_family: dict[str, list[Exam]] = {}
    for exam in table.exams:
        by_family.setdefault(exam.question.family, []).append(exam)
    weights = bootstrap.draws(table)
    read = [_read(table, exams, weights) for exams in by_family.values()]
    voters = [judgement.mechanism for judgement in read if judgement.weight > 0]
    return tuple(replace(j, weight=j.weight / max(1, voters.count(j.mechanism))) for j in read)


def information(value: Vector, resampled: NDArray[np.float64]) -> float:
    """Variance between candidates over their mean variance by chance, less one, in [0, cap].

    What all candidates share in a resample (an easy draw of clips) is no noise between them.

    Args:
        value: (trials,) utility; resampled: (trials, resamples).
    """
    own = resampled - resampled.mean(axis=0)
    noise = float(np.nanmean(np.nanvar(own, axis=1)))
    if noise <= 0:
        return constants().information_cap if float(value.var()) > 0 else 0.0
    return float(np.clip(value.var() / noise - 1, 0, constants().information_cap))


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


def _read(table: ScoreTable, exams: Sequence[Exam], draws: NDArray[np.float64]) -> Judgement:
    """A family's ladder, read where the median candidate's AUC is the fixed difficulty."""
    fixed = constants()
    question = exams[0].question
    rungs = [(exam, *utility(table, exam)) for exam in exams]
    medians = [float(np.median(plain)) for _, _, plain in rungs]
    strongest = rungs[-1][2]
    heard = True
    at = [(0, 1.0)]  # the rungs that are read, and their shares
    if medians[0] > fixed.saturated:
        heard, why = False, f"too easy: the median AUC is {medians[0]:.3f} at the weakest severity"
    elif float(np.quantile(strongest, 0.9)) < fixed.hopeless:
        at = [(len(rungs) - 1, 1.0)]
        heard, why = False, f"too hard: 90 % of candidates stay below AUC {fixed.hopeless} at the strongest severity"
    elif medians[0] >= fixed.difficulty:
        why = f"read at the weakest severity, median AUC {medians[0]:.2f}"
    elif max(medians) < fixed.difficulty:
        at = [(int(np.argmax(medians)), 1.0)]
        why = f"read at its most audible severity, median AUC {max(medians):.2f}"
    else:
        high = next(i for i, median in enumerate(medians) if median >= fixed.difficulty)
        share = (fixed.difficulty - medians[high - 1]) / (medians[high] - medians[high - 1])
        at = [(high - 1, 1 - share), (high, share)]
        low, top = (exams[i].question.severity for i, _ in at)
        why = f"read between severities {low:g} and {top:g}, where the median AUC is {fixed.difficulty}"
    value = sum((share * rungs[i][1] for i, share in at), np.zeros(len(table.trials)))
    resampled = sum((share * bootstrap.resampled(table, exams[i], draws) for i, share in at), np.zeros(()))
    told = information(value, resampled) if heard else 0.0
    if heard and told < fixed.informative:
        heard, why = False, f"tells no more than chance: information {told:.2f}"
    return Judgement(
        family=question.family,
        mechanism=question.mechanism,
        status=question.status,
        value=value,
        auc=sum((share * rungs[i][2] for i, share in at), np.zeros(len(table.trials))),
        resampled=np.asarray(resampled),
        # Severities are ratios, so the way between two rungs is geometric.
        severity=float(np.prod([exams[i].question.severity ** share for i, share in at])),
        information=told,
        weight=fixed.status_weight[question.status] * told if heard else 0.0,
        why=why,
    )


def ladders(table: ScoreTable) -> dict[str, list[tuple[float, float]]]:
    """Severity and median AUC of every rung, by family: what the report draws."""
    result: dict[str, list[tuple[float, float]]] = {}
    for exam in table.exams:
        median = float(np.median(auc(table.scores[:, exam.normal], table.scores[:, exam.anomaly])))
        result.setdefault(exam.question.family, []).append((exam.question.severity, median))
    assert all(a < b for rungs in result.values() for (a, _), (b, _) in pairwise(rungs))
    return result
