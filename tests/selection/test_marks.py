"""Utility of an exam: scikit-learn's areas, with and without resampled sources."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gensup.selection.marks import Draws, utility
from gensup.selection.records import Column, Exam, Question, ScoreTable

QUESTION = Question(family="f", mechanism="m", status="cited", severity=1.0)
SOURCES, TARGETS = 30, 5


def exam_of(decimals: int, targets: int = TARGETS) -> tuple[ScoreTable, Exam]:
    """Normal clips of 30 sources, each with two nuisance copies, and anomalies made of 20 of them; 6 trials."""
    rng = np.random.default_rng(3)
    kinds = [("normal", range(SOURCES)), *[("nuisance", range(SOURCES))] * 2, ("anomaly", range(20))]
    columns = tuple(
        Column(clip=f"{n}{i}", repeat=0, fold=0, source=f"{i:02d}", target_domain=i < targets, role=role, chain="none")  # type: ignore[arg-type]
        for n, (role, places) in enumerate(kinds)
        for i in places
    )
    places = np.arange(len(columns))
    anomalous = np.array([column.role == "anomaly" for column in columns])
    scores = np.round(rng.standard_normal((6, len(columns))) + anomalous * np.linspace(0, 2, 6)[:, None], decimals)
    exam = Exam(question=QUESTION, repeat=0, normal=tuple(places[~anomalous]), anomaly=tuple(places[anomalous]))
    return ScoreTable(trials=(), columns=columns, scores=scores, exams=(exam,), default=None, paired=True), exam


def reference(table: ScoreTable, scores: np.ndarray, count: dict[str, float]) -> tuple[float, float]:
    """The same by scikit-learn's weighted areas, clip by clip."""
    weight = np.array([count[column.source] for column in table.columns])
    label = np.array([column.role == "anomaly" for column in table.columns])
    target = np.array([bool(column.target_domain) for column in table.columns])

    def auc(keep: np.ndarray, **how: float) -> float:
        return float(roc_auc_score(label[keep], scores[keep], sample_weight=weight[keep], **how))

    every = np.ones(len(label), dtype=bool)
    whole, partial = auc(every), auc(every, max_fpr=0.1)
    if not (target & ~label).any():
        return 2 / (1 / whole + 1 / partial), whole
    n_target = sum(count[f"{i:02d}"] for i in range(TARGETS))
    raw = auc(label | target) if n_target else 0.0
    shrunk = (n_target * raw + 10 * whole) / (n_target + 10)
    return 3 / (1 / auc(label | ~target) + 1 / shrunk + 1 / partial), whole


@pytest.mark.parametrize("decimals", [1, 8])
@pytest.mark.parametrize("targets", [0, TARGETS])
def test_utility_has_the_shape_of_the_official_score(decimals: int, targets: int) -> None:
    table, exam = exam_of(decimals, targets)
    draws = Draws.of(table)
    values, aucs = utility(table, table.scores, exam, draws)
    assert values.shape == aucs.shape == (6, 201)
    for b in (0, 1, 2, 77):
        count = {source: draws.counts[b, place] for source, place in draws.place.items()}
        for row, scores in enumerate(table.scores):
            value, auc = reference(table, scores, count)
            np.testing.assert_allclose((values[row, b], aucs[row, b]), (value, auc), rtol=1e-9)
    whole = utility(table, table.scores, exam, Draws.whole(table))
    np.testing.assert_allclose(whole[0], values[:, :1], rtol=1e-12)


def test_a_source_is_drawn_with_all_that_was_made_of_it() -> None:
    table, _ = exam_of(3)
    draws = Draws.of(table)
    assert draws.counts.shape == (201, SOURCES)
    np.testing.assert_array_equal(draws.counts[0], 1)
    np.testing.assert_array_equal(draws.counts.sum(axis=1), SOURCES)
    assert (draws.counts[1:].std(axis=0) > 0.5).all()


def test_a_resample_without_an_anomaly_is_nan() -> None:
    table, exam = exam_of(3)
    draws = Draws.of(table)
    nobody = draws.counts.copy()
    nobody[1, [draws.place[f"{i:02d}"] for i in range(20)]] = 0
    values, aucs = utility(table, table.scores, exam, dataclasses.replace(draws, counts=nobody))
    assert np.isnan(values[:, 1]).all()
    assert np.isnan(aucs[:, 1]).all()
    assert np.isfinite(values[:, 2:]).all()
