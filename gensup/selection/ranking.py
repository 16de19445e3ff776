"""Trials in order: a Borda count weighted by what each family's word is worth, and how steady it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gensup.selection.constants import constants
from gensup.selection.records import Judgement, ScoreTable

Floats = NDArray[np.float64]
INTERVAL = (0.05, 0.95)


def borda(judgements: Sequence[Judgement]) -> Floats:
    """(trials,) weighted mean rank, lower = better; ties share their mean rank."""
    weights = np.array([judgement.weight for judgement in judgements])
    ranks = np.stack([rankdata(-judgement.value) for judgement in judgements])
    # Rounded, so that equal counts are equal whatever the order in which they were summed.
    return np.asarray(np.round(weights @ ranks / weights.sum(), 9))


def top(order: Sequence[int]) -> list[int]:
    """The first of an order of all trials: those that are fused."""
    return list(order[: max(1, min(constants().top, int(constants().top_share * len(order))))])


def ranked(table: ScoreTable, counts: Floats) -> list[int]:
    """Places of the trials, the best first; equal counts are settled by the smaller model, then by id."""
    return sorted(range(len(table.trials)), key=lambda i: (counts[i], table.trials[i].parameters, table.trials[i].id))


def steadiness(voters: Sequence[Judgement], first: int, counts: Floats) -> tuple[tuple[int, int], tuple[int, ...]]:
    """The first one's ranks in 90 % of the resamples, and the trials whose count lies within its interval.

    A resample that holds no clip of a family is counted by the others.
    """
    weights = np.array([judgement.weight for judgement in voters])
    ranks = np.stack([rankdata(-judgement.resampled, axis=0) for judgement in voters])
    heard = weights[:, None] * ~np.isnan(ranks).any(axis=1)  # (voters, resamples)
    drawn = heard.sum(axis=0) > 0
    total = np.einsum("vr,vtr->tr", heard, np.nan_to_num(ranks))[:, drawn]
    # Rounded as the counts are, or the first one may lie outside its own interval.
    resampled = np.round(total / heard.sum(axis=0)[drawn], 9)  # (trials, resamples)
    place = 1 + (resampled < resampled[first]).sum(axis=0)
    low, high = np.quantile(place, INTERVAL, method="nearest")
    tied = np.flatnonzero(counts <= np.quantile(resampled[first], INTERVAL[1]))
    return (int(low), int(high)), tuple(int(i) for i in sorted(tied, key=lambda trial: counts[trial]))


def mean_utility(judgements: Sequence[Judgement]) -> Floats:
    """(trials,) utility, weighted as the families are."""
    return np.asarray(
        np.average([j.value for j in judgements], axis=0, weights=[judgement.weight for judgement in judgements])
    )
