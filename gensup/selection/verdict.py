"""From judgements to an answer - select, hedge or default - and to the candidates that are built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.selection.constants import constants
from gensup.selection.fusion import fused, hedged
from gensup.selection.panel import panel
from gensup.selection.ranking import borda, mean_utility, ranked, steadiness, top
from gensup.selection.records import Answer, FamilyReport, Form, Judgement, ScoreTable, Verdict, Wanted
from gensup.selection.sentence import sentence
from gensup.selection.surrogates import surrogates
from gensup.selection.thin import lost
from gensup.selection.utility import utility_of

Floats = NDArray[np.float64]
Asked: TypeAlias = Literal["auto", "single", "fusion", "hedged", "default"]
FORMS: dict[Answer, Form] = {"select": "fusion", "hedge": "hedged", "default": "default"}


def decide(table: ScoreTable, judgements: Sequence[Judgement], asked: Asked = "auto") -> Verdict:
    """The verdict on a table of scores and its judgements (``utility.judge``): a pure function of them.

    *select* where enough families of enough mechanisms tell the candidates apart, and what they choose without one
    mechanism is nearly always good for it; *hedge* where families tell something, but less; *default* where none does.
    ``asked`` changes what is built, not the answer.
    """
    voters = [judgement for judgement in judgements if judgement.weight > 0]
    ids = [trial.id for trial in table.trials]
    default = ids.index(table.default) if table.default is not None else None
    spread = panel(table)
    counts = borda(voters) if voters else np.zeros(len(ids))
    order = ranked(table, counts) if voters else []
    gains = _gains(table, voters)
    answer = _answer(table, voters, gains)
    form = _form(answer, asked, bool(voters))
    members = {
        "single": order[:1],
        "fusion": top(order),
        "hedged": top(order),
        "default": [] if default is None else [default],
    }[form]
    forms = _forms(table, order, spread, default)
    interval, ties = steadiness(voters, order[0], counts) if voters else (None, ())
    reports = {j.family: _report(table, j, forms.get(form), sum(v.weight for v in voters)) for j in judgements}
    return Verdict(
        answer=answer,
        form=form,
        members=tuple(ids[i] for i in members),
        panel=tuple(ids[i] for i in spread),
        tainted=any(auc > constants().tainted for auc in table.taint.values()),
        paired=table.paired,
        rank_interval=interval,
        ties=tuple(ids[i] for i in ties),
        rows=_rows(table, voters, forms),
        gains=gains,
        families=reports,
        ranking=tuple((ids[i], float(counts[i])) for i in order),
        shown=_shown(table, judgements),
        wanted=tuple(Wanted(family=j.family, severity=j.wanted) for j in judgements if j.wanted is not None),
        sentence=" ".join([sentence(table, answer, form, members, reports), *lost(table, judgements)]),
    )


def _answer(table: ScoreTable, voters: Sequence[Judgement], gains: dict[str, float]) -> Answer:
    fixed = constants()
    if not voters:
        return "default"
    enough = len(voters) >= fixed.least_families and len(gains) >= fixed.least_mechanisms
    if table.paired and enough and float(np.quantile(list(gains.values()), 0.25)) > 0:
        return "select"
    return "hedge"


def _form(answer: Answer, asked: Asked, ranked: bool) -> Form:
    """What is built; without a single vote there is nothing to build but the default."""
    if asked == "auto" or not ranked:
        return FORMS[answer]
    return asked


def _gains(table: ScoreTable, voters: Sequence[Judgement]) -> dict[str, float]:
    """What choosing without a mechanism's families gains on them: utility of that fusion over the mean candidate's."""
    gains = {}
    for mechanism in sorted({voter.mechanism for voter in voters}):
        others = [voter for voter in voters if voter.mechanism != mechanism]
        if not others:
            continue
        unheard = [voter for voter in voters if voter.mechanism == mechanism]
        scores = fused(table, top(ranked(table, borda(others))))[None]
        gained = [float(utility_of(table, scores, j)[0] - j.value.mean()) for j in unheard]
        gains[mechanism] = float(np.average(gained, weights=[j.weight for j in unheard]))
    return gains


def _forms(table: ScoreTable, order: Sequence[int], spread: Sequence[int], default: int | None) -> dict[str, Floats]:
    """(columns,) scores of everything that could be built."""
    forms = {} if default is None else {"default": table.scores[default]}
    if order:
        forms["single"] = table.scores[order[0]]
        forms["fusion"] = fused(table, top(order))
        forms["hedged"] = hedged(table, top(order), spread)
    return forms


def _rows(table: ScoreTable, voters: Sequence[Judgement], forms: dict[str, Floats]) -> dict[str, float]:
    """Weighted mean utility of everything that could be built, and of a candidate drawn at random."""
    if not voters:
        return {}
    weights = [voter.weight for voter in voters]
    scores = np.stack(list(forms.values()))
    utilities = np.average([utility_of(table, scores, voter) for voter in voters], axis=0, weights=weights)
    return {**dict(zip(forms, utilities.tolist(), strict=True)), "random": float(mean_utility(voters).mean())}


def _shown(table: ScoreTable, judgements: Sequence[Judgement]) -> dict[str, str]:
    """What each surrogate would choose."""
    found = surrogates(table, judgements)
    return {name: table.trials[ranked(table, -np.round(worth, 9))[0]].id for name, worth in found.items()}


def _report(table: ScoreTable, judgement: Judgement, scores: Floats | None, total: float) -> FamilyReport:
    """``scores`` (columns,) are of what is built."""
    built = None if scores is None else float(utility_of(table, scores[None], judgement)[0])
    return FamilyReport(
        mechanism=judgement.mechanism,
        status=judgement.status,
        severity=judgement.severity,
        information=judgement.information,
        weight=judgement.weight / total if total else 0.0,
        median_auc=float(np.median(judgement.auc)),
        utility=built,
        rank=None if built is None else int(np.count_nonzero(judgement.value > built)) + 1,
        best=table.trials[int(np.argmax(judgement.value))].id,
        why=judgement.why,
    )
