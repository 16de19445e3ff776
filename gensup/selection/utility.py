"""Utility in the shape of the official score, and each family read at one fixed difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    weights = bootstrap.draws(table)
    read = [_read(table, exams, weights) for exams in _by_family(table).values()]
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
    rungs = _rungs(exams)
    values, aucs = zip(*(_asked(table, rung) for rung in rungs.values()), strict=True)
    severities = list(rungs)
    medians = [float(np.median(plain)) for plain in aucs]
    heard = True
    at = [(0, 1.0)]  # the rungs that are read, and their shares
    if medians[0] > fixed.saturated:
        heard, why = False, f"too easy: the median AUC is {medians[0]:.3f} at the weakest severity"
    elif float(np.quantile(aucs[-1], 0.9)) < fixed.hopeless:
        at = [(len(severities) - 1, 1.0)]
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
        low, top = (severities[i] for i, _ in at)
        why = f"read between severities {low:g} and {top:g}, where the median AUC is {fixed.difficulty}"
    value = sum((share * values[i] for i, share in at), np.zeros(len(table.trials)))
    resampled = np.zeros((len(table.trials), len(draws)))
    for i, share in at:
        asked = rungs[severities[i]]
        resampled += share * np.mean([bootstrap.resampled(table, exam, draws) for exam in asked], axis=0)
    told = information(value, resampled) if heard else 0.0
    if heard and told < fixed.informative:
        heard, why = False, f"tells no more than chance: information {told:.2f}"
    return Judgement(
        family=question.family,
        mechanism=question.mechanism,
        status=question.status,
        value=value,
        auc=sum((share * aucs[i] for i, share in at), np.zeros(len(table.trials))),
        resampled=resampled,
        # Severities are ratios, so the way between two rungs is geometric.
        severity=float(np.prod([severities[i] ** share for i, share in at])),
        information=told,
        weight=fixed.status_weight[question.status] * told if heard else 0.0,
        why=why,
    )


def _rungs(exams: Sequence[Exam]) -> dict[float, list[Exam]]:
    """A family's exams by severity, the faintest first; several stand on a rung where several sets asked the same."""
    rungs: dict[float, list[Exam]] = {}
    for exam in sorted(exams, key=lambda exam: exam.question.severity):
        rungs.setdefault(exam.question.severity, []).append(exam)
    return rungs


def _asked(table: ScoreTable, exams: Sequence[Exam]) -> tuple[Vector, Vector]:
    """(trials,) mean utility and mean AUC of the exams of one rung."""
    values, aucs = zip(*(utility(table, exam) for exam in exams), strict=True)
    return np.mean(values, axis=0), np.mean(aucs, axis=0)


def ladders(table: ScoreTable) -> dict[str, list[tuple[float, float]]]:
    """Severity and median AUC of every rung, by family: what the report draws."""
    return {
        family: [(severity, float(np.median(_asked(table, rung)[1]))) for severity, rung in _rungs(exams).items()]
        for family, exams in _by_family(table).items()
    }


def _by_family(table: ScoreTable) -> dict[str, list[Exam]]:
    by_family: dict[str, list[Exam]] = {}
    for exam in table.exams:
        by_family.setdefault(exam.question.family, []).append(exam)
    return by_family
