"""Small tables of scores by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gensup.selection import exams
from gensup.selection.records import Column, Judgement, Question, Role, ScoreTable, Trial


def trial(name: str, parameters: int = 1) -> Trial:
    return Trial(id=name, recipe="r", params={}, varied={}, state="complete", parameters=parameters)


def column(
    clip: str,
    role: Role = "normal",
    *,
    source: str | None = None,
    repeat: int = 0,
    fold: int = 0,
    target: bool | None = None,
    chain: str = "none",
    fitted: str = "none",
) -> Column:
    return Column(
        clip=clip,
        repeat=repeat,
        fold=fold,
        source=source or clip,
        target_domain=target,
        role=role,
        chain=chain,
        fitted=fitted,
    )


def asks(family: str, severity: float = 1.0, mechanism: str | None = None) -> Question:
    return Question(family=family, mechanism=mechanism or family, status="cited", severity=severity)


def table(
    scores: Mapping[str, ArrayLike],
    columns: Sequence[Column],
    questions: Mapping[str, Question] | None = None,
    *,
    default: str | None = None,
    taint: Mapping[str, float] | None = None,
    parameters: Mapping[str, int] | None = None,
) -> ScoreTable:
    """``scores``: a row a trial."""
    return ScoreTable(
        trials=tuple(trial(name, (parameters or {}).get(name, 1)) for name in scores),
        columns=tuple(columns),
        scores=np.array([np.asarray(row, dtype=float) for row in scores.values()]),
        exams=exams.build(columns, questions or {}),
        default=default,
        paired=True,
        taint=taint or {},
    )


def says(
    family: str,
    value: ArrayLike,
    *,
    weight: float = 1.0,
    mechanism: str | None = None,
    resampled: ArrayLike | None = None,
) -> Judgement:
    """A judgement with this utility for every trial."""
    values = np.asarray(value, dtype=float)
    return Judgement(
        family=family,
        mechanism=mechanism or family,
        status="cited",
        rungs=((1.0, 1.0),),
        value=values,
        auc=values,
        resampled=values[:, None] if resampled is None else np.asarray(resampled, dtype=float),
        information=1.0,
        weight=weight,
        why="",
    )
