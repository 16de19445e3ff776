"""A few candidates spread over the space, chosen by their scores of normal clips: no twin has a say in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gensup.selection.constants import constants
from gensup.selection.records import LEFT_OUT, ScoreTable

Floats = NDArray[np.float64]


def normal_places(table: ScoreTable, fitted: str = "none") -> NDArray[np.intp]:
    """Columns of normal clips, scored by models fitted without them: recordings, or normal twins without any.

    Args:
        fitted: what the clips went through that the models were fitted on; "none" are recordings.
    """
    places = {
        role: [i for i, c in enumerate(table.columns) if (c.role, c.fitted) == (role, fitted) and c.repeat != LEFT_OUT]
        for role in ("normal", "sham")
    }
    return np.array(places["normal"] or places["sham"], dtype=np.intp)


def panel(table: ScoreTable) -> tuple[int, ...]:
    """Places of the panel's trials: k-medoids on 1 - Spearman's rank correlation of out-of-fold normal scores.

    Fixed before any twin is scored, so that twins judge each other by nothing they had a hand in. In order of ids.
    """
    ids = [trial.id for trial in table.trials]
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    count = min(constants().panel, len(order))
    if not len(normal_places(table)):  # unpaired score files: nothing is known of the space's shape
        return tuple(order[:: max(1, len(order) // count)][:count])
    ranks = rankdata(table.scores[order][:, normal_places(table)], axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    norms = np.sqrt((ranks**2).sum(axis=1))
    ranks /= np.where(norms > 0, norms, 1)[:, None]
    # Rounded, so that ties are ties on every machine.
    medoids = k_medoids(np.round(1 - ranks @ ranks.T, 9), count)
    return tuple(order[i] for i in sorted(medoids))


def k_medoids(distance: Floats, count: int) -> tuple[int, ...]:
    """Partitioning around medoids (Kaufman & Rousseeuw 1990): greedy building, then the best swap until none helps."""
    chosen: list[int] = []
    nearest = np.full(len(distance), np.inf)
    for _ in range(count):
        cost = np.minimum(nearest[:, None], distance).sum(axis=0)
        cost[chosen] = np.inf
        chosen.append(int(np.argmin(cost)))
        nearest = np.minimum(nearest, distance[:, chosen[-1]])
    best = float(nearest.sum())
    while True:
        swaps = []
        for place in range(count):
            kept = [m for i, m in enumerate(chosen) if i != place]
            without = distance[:, kept].min(axis=1) if kept else np.full(len(distance), np.inf)
            cost = np.minimum(without[:, None], distance).sum(axis=0)
            cost[chosen] = np.inf
            swaps.append((float(cost.min()), place, int(np.argmin(cost))))
        cheapest, place, candidate = min(swaps)
        if not cheapest < best - 1e-9:
            return tuple(chosen)
        best, chosen[place] = cheapest, candidate
