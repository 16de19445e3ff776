"""Each family read at one fixed difficulty, and how much it tells the candidates apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import auc
from gensup.selection import marks
from gensup.selection.constants import constants
from gensup.selection.marks import Draws
from gensup.selection.panel import panel
from gensup.selection.records import Exam, Judgement, ScoreTable
from gensup.selection.taint import told_from

Floats = NDArray[np.float64]
DECIMALS = 9  # of a utility: what is finer is an error of rounding, which would tell equal candidates apart
NO_VARIANCE = 10.0 ** (-2 * DECIMALS)


def judge(table: ScoreTable) -> tuple[Judgement, ...]:
    """One judgement a family, weighted by what is known of its signature and by how much it tells candidates apart.

    Families of one mechanism share a vote: five renderers of one idea are one idea. A family whose clips can be told
    from recordings before anything is broken in them votes less, and not at all where that is plain.
    """
    draws, fixed_panel = Draws.of(table), panel(table)
    read = [_read(table, family, fixed_panel, draws) for family in by_family(table).values()]
    voters = [judgement.mechanism for judgement in read if judgement.weight > 0]
    return tuple(replace(j, weight=j.weight / max(1, voters.count(j.mechanism))) for j in read)


def by_family(table: ScoreTable) -> dict[str, dict[float, list[Exam]]]:
    """Every family's ladder: severity, the faintest first, and the exams on that rung, one a repeat and chain.

    A rung that stands for less than half of the sources of the fullest one is left out: where faults are at their
    physical bound in most clips, the others are no sample of the machine.
    """
    families: dict[str, dict[float, list[Exam]]] = {}
    for exam in sorted(table.exams, key=lambda exam: (exam.question.family, exam.question.severity)):
        families.setdefault(exam.question.family, {}).setdefault(exam.question.severity, []).append(exam)
    for ladder in families.values():
        clips = {severity: sum(len(exam.anomaly) for exam in exams) for severity, exams in ladder.items()}
        for severity in [rung for rung, n in clips.items() if 2 * n < max(clips.values())]:
            del ladder[severity]
    return families


def information(value: Floats, resampled: Floats) -> float:
    """Variance between candidates over their mean variance by chance, less one, in [0, cap].

    What all candidates share in a resample (an easy draw of clips) is no noise between them.

    Args:
        value: (trials,) utility; resampled: (trials, resamples).
    """
    own = resampled - resampled.mean(axis=0)
    noise = float(np.nanmean(np.nanvar(own, axis=1)))
    if noise < NO_VARIANCE:
        return constants().information_cap if float(value.var()) > NO_VARIANCE else 0.0
    return float(np.clip(value.var() / noise - 1, 0, constants().information_cap))


def asked(table: ScoreTable, scores: Floats, exams: Sequence[Exam], draws: Draws) -> tuple[Floats, Floats]:
    """(rows, draws) mean utility and mean AUC of ``scores`` (rows, columns) over the exams of one rung."""
    utilities, aucs = zip(*(marks.utility(table, scores, exam, draws) for exam in exams), strict=True)
    return np.asarray(np.round(np.mean(utilities, axis=0), DECIMALS)), np.asarray(np.mean(aucs, axis=0))


def utility_of(table: ScoreTable, scores: Floats, judgement: Judgement) -> Floats:
    """(rows,) utility of any ``scores`` (rows, columns) of this table's clips, read where the judgement was read."""
    ladder, whole = by_family(table)[judgement.family], Draws.whole(table)
    parts = [share * asked(table, scores, ladder[severity], whole)[0][:, 0] for severity, share in judgement.rungs]
    return np.asarray(np.sum(parts, axis=0))


def ladders(table: ScoreTable) -> dict[str, list[tuple[float, float]]]:
    """Severity and the panel's median AUC on every rung, by family: what severities are read by."""
    fixed_panel = panel(table)
    return {family: list(_medians(table, ladder, fixed_panel).items()) for family, ladder in by_family(table).items()}


def plain_aucs(table: ScoreTable, exams: Sequence[Exam], rows: Sequence[int] | None = None) -> Floats:
    """(rows,) AUC of all normal clips against all anomalies, mean over the exams of a rung."""
    scores = table.scores if rows is None else table.scores[list(rows)]
    return np.asarray(np.mean([auc(scores[:, exam.normal], scores[:, exam.anomaly]) for exam in exams], axis=0))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where on its ladder a family is read, and whether it has a say there."""

    rungs: tuple[tuple[float, float], ...]
    heard: bool
    why: str
    wanted: float | None = None


def _medians(table: ScoreTable, ladder: Mapping[float, Sequence[Exam]], rows: Sequence[int]) -> dict[float, float]:
    return {severity: float(np.median(plain_aucs(table, exams, rows))) for severity, exams in ladder.items()}


def _reading(table: ScoreTable, ladder: Mapping[float, Sequence[Exam]], fixed_panel: Sequence[int]) -> _Reading:
    """The severity at which the panel's median AUC is the fixed difficulty, between two rungs of the ladder."""
    fixed = constants()
    medians = _medians(table, ladder, fixed_panel)
    severities = sorted(medians)
    first, last = severities[0], severities[-1]
    weaker, stronger = first / fixed.rung, last * fixed.rung
    if medians[first] > fixed.saturated:
        why = f"too easy: the panel's median AUC is {medians[first]:.3f} at the weakest severity"
        return _Reading(((first, 1.0),), False, why, weaker)
    if medians[first] >= fixed.difficulty:
        why = f"read at the weakest severity, where the panel's median AUC is {medians[first]:.2f}"
        return _Reading(((first, 1.0),), True, why, weaker)
    for low, high in pairwise(severities):
        if medians[high] >= fixed.difficulty:
            share = (fixed.difficulty - medians[low]) / (medians[high] - medians[low])
            why = f"read between severities {low:g} and {high:g}, where the panel's median AUC is {fixed.difficulty}"
            return _Reading(((low, 1 - share), (high, share)), True, why)
    loudest = max(severities, key=lambda severity: (medians[severity], severity))
    # A ladder that has passed its loudest rung becomes no louder further up; one that ends there may.
    wanted = stronger if loudest == last else None
    if float(np.quantile(plain_aucs(table, ladder[loudest]), 0.9)) < fixed.hopeless:
        why = f"too hard: 90 % of candidates stay below AUC {fixed.hopeless} at its most audible severity"
        return _Reading(((loudest, 1.0),), False, why, wanted)
    why = f"read at its most audible severity, where the panel's median AUC is {medians[loudest]:.2f}"
    return _Reading(((loudest, 1.0),), True, why, wanted)


def _read(
    table: ScoreTable, ladder: Mapping[float, Sequence[Exam]], fixed_panel: Sequence[int], draws: Draws
) -> Judgement:
    fixed = constants()
    reading = _reading(table, ladder, fixed_panel)
    values = np.zeros((len(table.trials), len(draws.counts)))
    aucs = np.zeros(len(table.trials))
    for severity, share in reading.rungs:
        utilities, plain = asked(table, table.scores, ladder[severity], draws)
        values += share * utilities
        aucs += share * plain[:, 0]
    told = information(values[:, 0], values[:, 1:]) if reading.heard else 0.0
    exams = [exam for severity, _ in reading.rungs for exam in ladder[severity]]
    question = exams[0].question
    # A family may come in several sets: the chain that is told best spoils them all.
    chains = {table.columns[exam.anomaly[0]].chain: None for exam in exams}
    taint, chain = max((table.taint.get(chain, 0.5), chain) for chain in chains)
    heard, why = reading.heard, reading.why
    sources = len({table.columns[i].source for exam in exams for i in exam.anomaly})
    if heard and sources < fixed.least_sources:
        heard, why = False, f"made of {sources} recordings: of fewer than {fixed.least_sources} chance cannot be told"
    elif heard and taint > fixed.tainted:
        normal = told_from(table.columns, chain)
        heard, why = False, f"tainted: what it went through is told from {normal} with AUC {taint:.2f}, unbroken"
    elif heard and told < fixed.informative:
        heard, why = False, f"tells no more than chance: information {told:.2f}"
    weight = fixed.status_weight[question.status] * told * min(1.0, max(0.0, 2 * (1 - taint)))
    return Judgement(
        family=question.family,
        mechanism=question.mechanism,
        status=question.status,
        rungs=reading.rungs,
        value=values[:, 0],
        auc=aucs,
        resampled=values[:, 1:],
        information=told,
        weight=weight if heard else 0.0,
        why=why,
        wanted=reading.wanted,
    )
