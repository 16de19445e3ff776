"""The number that a search climbs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gensup.selection import exams
from gensup.selection.records import Column, Judgement, Question, ScoreTable, Trial
from gensup.selection.scalar import fixed

LADDER = (0.5, 1.0, 4.0)
NORMALS, SOURCES = 12, 5


@pytest.fixture
def table() -> ScoreTable:
    """Two families on a ladder of three, in two arrangements, for three trials."""
    columns, questions = [], {}
    for repeat in range(2):
        columns += [
            Column(clip=f"n{i}", repeat=repeat, fold=0, source=f"n{i}", target_domain=None, role="normal", chain="none")
            for i in range(NORMALS)
        ]
        for family in ("hiss", "knock"):
            for severity in LADDER:
                for i in range(SOURCES):
                    clip = f"{family}-{severity}-{i}"
                    questions[clip] = Question(family=family, mechanism=family, status="guessed", severity=severity)
                    columns.append(
                        Column(
                            clip=clip,
                            repeat=repeat,
                            fold=0,
                            source=f"n{i}",
                            target_domain=None,
                            role="anomaly",
                            chain="none",
                        )
                    )
    trials = tuple(
        Trial(id=name, recipe="r", params={}, varied={}, state="complete", parameters=1) for name in ("a", "b", "c")
    )
    return ScoreTable(
        trials=trials,
        columns=tuple(columns),
        scores=np.random.default_rng(0).standard_normal((3, len(columns))),
        exams=exams.build(columns, questions),
        default=None,
        paired=True,
    )


def judgement(family: str, weight: float, rungs: tuple[tuple[float, float], ...]) -> Judgement:
    nothing = np.zeros(3)
    return Judgement(
        family=family,
        mechanism=family,
        status="guessed",
        rungs=rungs,
        value=nothing,
        auc=nothing,
        resampled=nothing[:, None],
        information=1.0,
        weight=weight,
        why="",
    )


def by_hand(table: ScoreTable, scores: np.ndarray, family: str, severity: float) -> float:
    logits = []
    for exam in table.exams:
        if (exam.question.family, exam.question.severity) == (family, severity):
            truth = [0] * len(exam.normal) + [1] * len(exam.anomaly)
            pairs = len(exam.normal) * len(exam.anomaly)
            value = roc_auc_score(truth, scores[[*exam.normal, *exam.anomaly]])
            value = min(max(value, 0.5 / pairs), 1 - 0.5 / pairs)
            logits.append(math.log(value / (1 - value)))
    assert len(logits) == 2
    return sum(logits) / 2


def test_it_is_the_weighted_mean_of_logits_at_the_nearest_rung(table: ScoreTable) -> None:
    # Severities are ratios: 1.5 read between 1 and 4 is nearer to 1, 2.2 is nearer to 4.
    near = ((1.0, 0.7075), (4.0, 0.2925))
    far = ((1.0, 0.4312), (4.0, 0.5688))
    scalar = fixed(table, [judgement("hiss", 3.0, near), judgement("knock", 1.0, far)])
    for scores in table.scores:
        expected = 0.75 * by_hand(table, scores, "hiss", 1.0) + 0.25 * by_hand(table, scores, "knock", 4.0)
        assert scalar.of(scores) == pytest.approx(expected, rel=1e-12)


def test_families_without_weight_are_not_heard_unless_all_are(table: ScoreTable) -> None:
    scores = table.scores[0]
    hiss, knock = judgement("hiss", 2.0, ((0.5, 1.0),)), judgement("knock", 0.0, ((4.0, 1.0),))
    assert fixed(table, [hiss, knock]).of(scores) == pytest.approx(by_hand(table, scores, "hiss", 0.5))
    equal = (by_hand(table, scores, "hiss", 0.5) + by_hand(table, scores, "knock", 4.0)) / 2
    assert fixed(table, [replace(hiss, weight=0.0), knock]).of(scores) == pytest.approx(equal)


def test_a_perfect_trial_has_a_finite_number_that_more_pairs_raise(table: ScoreTable) -> None:
    scores = np.array([1.0 if column.role == "anomaly" else 0.0 for column in table.columns])
    value = fixed(table, [judgement("hiss", 1.0, ((1.0, 1.0),))]).of(scores)
    least = 0.5 / (NORMALS * SOURCES)
    assert value == pytest.approx(math.log((1 - least) / least))
    assert fixed(table, [judgement("hiss", 1.0, ((1.0, 1.0),))]).of(-scores) == pytest.approx(-value)


def test_it_stands_still(table: ScoreTable) -> None:
    """A trial's number does not depend on which other trials come in later."""
    scalar = fixed(table, [judgement("hiss", 1.0, ((1.0, 1.0),))])
    before = scalar.of(table.scores[0])
    table.scores[1:] += 5
    assert scalar.of(table.scores[0]) == before
