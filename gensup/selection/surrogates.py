"""What other rules would choose. They are shown beside the verdict and have no say in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gensup.metrics import auc
from gensup.selection.constants import constants
from gensup.selection.fusion import on_one_scale, standardised
from gensup.selection.panel import normal_places
from gensup.selection.records import LEFT_OUT, Judgement, ScoreTable
from gensup.selection.utility import by_family, plain_aucs

Floats = NDArray[np.float64]


def surrogates(table: ScoreTable, judgements: Sequence[Judgement]) -> dict[str, Floats]:
    """(trials,) worth of every trial by each rule that has an answer on this table, higher = better."""
    found = {name: rule(table, judgements) for name, rule in RULES.items()}
    # A trial that a rule could not ask, because a fold was too small for it, is not what the rule would choose.
    return {
        name: np.where(np.isnan(worth), -np.inf, worth)
        for name, worth in found.items()
        if worth is not None and not np.isnan(worth).all()
    }


def _mean(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """Mean utility over all families, whatever they tell."""
    return np.asarray(np.mean([j.value for j in judgements], axis=0)) if judgements else None


def _minimax(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """The least regret in the worst family."""
    if not judgements:
        return None
    return np.asarray(-np.max([j.value.max() - j.value for j in judgements], axis=0))


def _threshold(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """How faint a fault may be, in dB of severity, to be heard as well as the fixed difficulty; mean over families."""
    heard = []
    for ladder in by_family(table).values():
        # One arrangement of folds will do for what is only shown.
        aucs = np.stack([plain_aucs(table, exams[:1]) for exams in ladder.values()], axis=1)
        heard.append(_crossing(20 * np.log10(list(ladder)), aucs))
    return -np.mean(heard, axis=0) if heard else None


def _crossing(db: Floats, aucs: Floats) -> Floats:
    """(trials,) level where a row of (trials, rungs) first reaches the difficulty; the loudest where it never does."""
    difficulty = constants().difficulty
    reached = aucs >= difficulty
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), len(db) - 1)
    before = np.maximum(first - 1, 0)
    rows = np.arange(len(aucs))
    low, high = aucs[rows, before], aucs[rows, first]
    between = reached.any(axis=1) & (first > 0)
    share = np.divide(difficulty - low, high - low, out=np.ones(len(aucs)), where=between & (high > low))
    return np.asarray(np.where(between, db[before] + share * (db[first] - db[before]), db[first]))


def _condition(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """An operating condition that was left out, taken for an anomaly."""
    aside = [(i, c) for i, c in enumerate(table.columns) if c.repeat == LEFT_OUT]
    aucs = []
    for fold in sorted({c.fold for _, c in aside}):
        asks = [i for i, c in aside if c.fold == fold and c.role == "anomaly"]
        others = [i for i, c in aside if c.fold == fold and c.role == "normal"]
        if asks and others:
            aucs.append(auc(table.scores[:, others], table.scores[:, asks]))
    return np.mean(aucs, axis=0) if aucs else None


def _domain(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """The target domain, taken for an anomaly."""
    normal = normal_places(table)
    target = np.array([table.columns[i].target_domain is True for i in normal], dtype=bool)
    if not target.any() or target.all():
        return None
    return auc(table.scores[:, normal[~target]], table.scores[:, normal[target]])


def _consensus(table: ScoreTable, judgements: Sequence[Judgement]) -> Floats | None:
    """Agreement (Spearman) with the mean of all candidates, on all clips of the first arrangement."""
    first = [i for i, column in enumerate(table.columns) if column.repeat == 0]
    alike = on_one_scale(table, table.scores)
    ranks = rankdata(alike[:, first], axis=1)
    crowd = rankdata(standardised(table, table.scores)[:, first].mean(axis=0))
    ranks -= ranks.mean(axis=1, keepdims=True)
    crowd -= crowd.mean()
    norms = np.sqrt((ranks**2).sum(axis=1) * (crowd**2).sum())
    return np.asarray((ranks @ crowd) / np.where(norms > 0, norms, 1))


RULES: Mapping[str, Callable[[ScoreTable, Sequence[Judgement]], Floats | None]] = {
    "mean score": _mean,
    "minimax regret": _minimax,
    "threshold in dB": _threshold,
    "left-out condition": _condition,
    "domain as anomaly": _domain,
    "consensus": _consensus,
}
