"""Scores of several candidates as one: each in standard deviations of its own held-out normal scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.selection.panel import normal_places
from gensup.selection.records import ScoreTable

Floats = NDArray[np.float64]


def fused(table: ScoreTable, trials: Sequence[int]) -> Floats:
    """(columns,) mean of the trials' standardised scores, standardised again."""
    return standardised(table, standardised(table, table.scores[list(trials)]).mean(axis=0))


def hedged(table: ScoreTable, trials: Sequence[int], panel: Sequence[int]) -> Floats:
    """(columns,) the louder of the fused trials and the loudest of the panel: what the twins missed is still heard."""
    loudest = standardised(table, standardised(table, table.scores[list(panel)]).max(axis=0))
    return np.maximum(fused(table, trials), loudest)


def standardised(table: ScoreTable, scores: Floats) -> Floats:
    """(..., columns) scores in standard deviations from the mean of held-out normal clips (or, without any, of all).

    A candidate that was fitted on recordings and one that was fitted on what a codec made of them have scales of their
    own: every column goes by the normal clips of its own.
    """
    fitted = np.array([column.fitted for column in table.columns])
    result = np.empty(scores.shape)
    for name in dict.fromkeys(fitted.tolist()):
        mean, sd = _scale(table, scores, name)
        mine = fitted == name
        result[..., mine] = (scores[..., mine] - mean) / sd
    return result


def on_one_scale(table: ScoreTable, scores: Floats) -> Floats:
    """(..., columns) scores of candidates as they score recordings: those fitted on anything else are shifted to it."""
    mean, sd = _scale(table, scores, "none")
    own = np.array([column.fitted == "none" for column in table.columns])
    return np.where(own, scores, standardised(table, scores) * sd + mean)


def _scale(table: ScoreTable, scores: Floats, fitted: str) -> tuple[Floats, Floats]:
    """(..., 1) mean and standard deviation of held-out normal clips."""
    normal = normal_places(table, fitted)
    own = scores[..., normal] if len(normal) else scores
    sd = own.std(axis=-1, keepdims=True)
    # Equal scores have no scale; 1 keeps the standardised score finite.
    return own.mean(axis=-1, keepdims=True), np.where(sd > 0, sd, 1.0)
