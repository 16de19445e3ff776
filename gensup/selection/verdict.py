"""From judgements to an answer: a weighted Borda count, how steady it is, and a sentence that claims no more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gensup.selection.constants import constants
from gensup.selection.records import FamilyReport, Judgement, ScoreTable, Trial, Verdict

Vector = NDArray[np.float64]
TOP = 0.1  # of the candidates, in the sentence
POOR = 0.5
INTERVAL = (0.05, 0.95)


def borda(judgements: Sequence[Judgement]) -> Vector:
    """(trials,) weighted mean rank, lower = better; ties share their mean rank."""
    weights = np.array([judgement.weight for judgement in judgements])
    ranks = np.stack([rankdata(-judgement.value) for judgement in judgements])
    # Rounded, so that equal counts are equal whatever the order in which they were summed.
    return np.asarray(np.round(weights @ ranks / weights.sum(), 9))


def decide(table: ScoreTable, judgements: Sequence[Judgement]) -> Verdict:
    """The verdict on a table of scores and its judgements (``utility.judge``): a pure function of them.

    The answer is *default* when too few families or mechanisms say anything about these candidates.
    """
    fixed = constants()
    voters = [judgement for judgement in judgements if judgement.weight > 0]
    mechanisms = sorted({judgement.mechanism for judgement in voters})
    enough = len(voters) >= fixed.least_families and len(mechanisms) >= fixed.least_mechanisms
    counts = borda(voters) if voters else np.zeros(len(table.trials))
    # Equal counts are settled by the smaller model, then by id: never by the order of the work.
    order = sorted(range(len(table.trials)), key=lambda i: (counts[i], table.trials[i].parameters, table.trials[i].id))
    ids = [trial.id for trial in table.trials]
    default = ids.index(table.default) if table.default is not None else None
    chosen = order[0] if enough else default
    interval, ties = _steadiness(voters, chosen, counts) if enough and chosen is not None else (None, ())
    return Verdict(
        answer="select" if enough else "default",
        members=() if chosen is None else (ids[chosen],),
        paired=table.paired,
        rank_interval=interval,
        ties=tuple(ids[i] for i in ties),
        rows=_rows(voters, order[0], default),
        families={j.family: _report(j, chosen, ids, sum(v.weight for v in voters)) for j in judgements},
        ranking=tuple((ids[i], float(counts[i])) for i in order) if voters else (),
        sentence=_sentence(table, voters, judgements, mechanisms, chosen if enough else None),
    )


def _rows(voters: Sequence[Judgement], best: int, default: int | None) -> dict[str, float]:
    """Weighted mean utility of what would be chosen, of the default, and of a candidate drawn at random."""
    if not voters:
        return {}
    mean = np.average(
        [judgement.value for judgement in voters], axis=0, weights=[judgement.weight for judgement in voters]
    )
    rows = {"single": float(mean[best]), "random": float(mean.mean())}
    return rows if default is None else {**rows, "default": float(mean[default])}


def _steadiness(voters: Sequence[Judgement], chosen: int, counts: Vector) -> tuple[tuple[int, int], tuple[int, ...]]:
    """The chosen one's ranks in 90 % of the resamples, and the trials whose count lies within its interval."""
    weights = np.array([judgement.weight for judgement in voters])
    ranks = np.stack([rankdata(-judgement.resampled, axis=0, nan_policy="omit") for judgement in voters])
    resampled = np.tensordot(weights / weights.sum(), ranks, axes=1)  # (trials, resamples)
    resampled = resampled[:, ~np.isnan(resampled).any(axis=0)]
    place = 1 + (resampled < resampled[chosen]).sum(axis=0)
    low, high = np.quantile(place, INTERVAL, method="nearest")
    tied = np.flatnonzero(counts <= np.quantile(resampled[chosen], INTERVAL[1]))
    return (int(low), int(high)), tuple(int(i) for i in sorted(tied, key=lambda trial: counts[trial]))


def _report(judgement: Judgement, chosen: int | None, ids: Sequence[str], total: float) -> FamilyReport:
    return FamilyReport(
        mechanism=judgement.mechanism,
        status=judgement.status,
        severity=judgement.severity,
        information=judgement.information,
        weight=judgement.weight / total if total else 0.0,
        median_auc=float(np.median(judgement.auc)),
        member_auc=None if chosen is None else float(judgement.auc[chosen]),
        member_rank=None if chosen is None else _rank(judgement, chosen),
        best=ids[int(np.argmax(judgement.value))],
        why=judgement.why,
    )


def _rank(judgement: Judgement, trial: int) -> int:
    return int(np.count_nonzero(judgement.value > judgement.value[trial])) + 1


def _sentence(
    table: ScoreTable,
    voters: Sequence[Judgement],
    judgements: Sequence[Judgement],
    mechanisms: Sequence[str],
    chosen: int | None,
) -> str:
    unpaired = " Some anomalies have no normal twin: what tells them apart may be how they were made, not a fault."
    return _claim(table, voters, judgements, mechanisms, chosen) + ("" if table.paired else unpaired)


def _claim(
    table: ScoreTable,
    voters: Sequence[Judgement],
    judgements: Sequence[Judgement],
    mechanisms: Sequence[str],
    chosen: int | None,
) -> str:
    n = len(table.trials)
    if chosen is None:
        fixed = constants()
        fallback = "the recipe's published values stand" if table.default else "nothing is chosen"
        return (
            f"Fault families that tell these {n} candidates apart: {len(voters)} of {len(judgements)}, of "
            f"{len(mechanisms)} mechanisms; a choice takes {fixed.least_families} of {fixed.least_mechanisms}: "
            f"{fallback}."
        )
    good = [j.family for j in voters if _rank(j, chosen) <= max(1, TOP * n)]
    poor = [j.family for j in voters if _rank(j, chosen) > POOR * n]
    regrets = f"it would be a poor choice for {_listed(poor)}" if poor else "it is in the lower half for none of them"
    return (
        f"If this machine fails in ways like {_listed(mechanisms)}, {describe(table.trials[chosen])} ranks in the top "
        f"{TOP:.0%} of {n} candidates for {len(good)} of {len(voters)} fault families; {regrets}. "
        "About failures unlike these it says nothing."
    )


def describe(trial: Trial) -> str:
    """A trial in words: its recipe, and what tells it from its neighbours in the grid."""
    varied = ", ".join(f"{path}={value}" for path, value in sorted(trial.varied.items()))
    return f"{trial.recipe} ({varied})" if varied else trial.recipe


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
