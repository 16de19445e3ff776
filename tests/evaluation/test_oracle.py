"""A verdict before labels: ranks, means and agreement by their definitions, and nothing claimed beyond the clips."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from gensup.errors import GensupError
from gensup.evaluation import Labels, Oracle, evaluate
from gensup.selection.records import Verdict

TRIALS = tuple("abcdefgh")
LABELS = Labels(
    section=("00",) * 60,
    target_domain=(False,) * 30 + (True,) * 10 + (False, True) * 10,
    anomaly=(False,) * 40 + (True,) * 20,
)
VERDICT = Verdict(
    answer="select",
    form="fusion",
    members=("c", "a"),
    panel=("b",),
    tainted=False,
    paired=True,
    rank_interval=(1, 2),
    ties=("c",),
    ranking=tuple((trial, float(i)) for i, trial in enumerate("cadbehgf")),
)


def scores(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    gains = np.linspace(1.6, 0.2, len(TRIALS))[:, None]
    return rng.normal(size=(len(TRIALS), 60)) + gains * np.array(LABELS.anomaly)


def asked(table: np.ndarray | None = None, labels: Labels = LABELS, verdict: Verdict = VERDICT) -> Oracle:
    table = scores() if table is None else table
    built = {"fusion": table[[0, 2]].mean(axis=0), "single": table[2], "default": table[4]}
    return evaluate(labels, TRIALS, table, built, verdict, machine="fan")


def test_rows_are_what_they_are_called() -> None:
    found = asked()
    alone = [evaluate(LABELS, TRIALS, scores(), {"fusion": row}, VERDICT, machine="fan").rows[0] for row in scores()]
    official = np.array([row.figures.official for row in alone])
    assert found.judge == "official"
    assert found.best == TRIALS[int(official.argmax())]
    assert [row.name for row in found.rows] == ["fusion", "single", "default", "random", "in-sample oracle"]
    assert found.row("single").figures == alone[2].figures
    assert found.row("default").figures == alone[4].figures
    for name in ("official", "auc", "auc_source", "auc_target", "pauc"):
        mean = np.mean([getattr(row.figures, name) for row in alone])
        assert getattr(found.row("random").figures, name) == pytest.approx(mean, abs=1e-12)
    best = found.row("in-sample oracle")
    assert (best.figures.official, best.rank, best.gap_closed) == (official.max(), 1, 1.0)
    assert found.row("default").rank == 1 + np.count_nonzero(official > official[4])
    way = (official[2] - official.mean()) / (official.max() - official.mean())
    assert found.row("single").gap_closed == pytest.approx(way, abs=1e-12)
    assert (found.row("random").rank, found.row("random").gap_closed) == (None, 0.0)
    counts = dict(VERDICT.ranking)
    wanted = spearmanr([-counts[trial] for trial in TRIALS], official).statistic
    assert found.spearman == pytest.approx(wanted, abs=1e-12)


def test_the_ranking_of_the_labels_agrees_with_itself() -> None:
    alone = [evaluate(LABELS, TRIALS, scores(), {"fusion": row}, VERDICT, machine="fan").rows[0] for row in scores()]
    order = sorted(range(8), key=lambda i: -(alone[i].figures.official or 0))
    same = replace(VERDICT, ranking=tuple((TRIALS[i], float(place)) for place, i in enumerate(order)))
    other = replace(VERDICT, ranking=tuple((TRIALS[i], float(-place)) for place, i in enumerate(order)))
    assert asked(verdict=same).spearman == pytest.approx(1)
    assert asked(verdict=other).spearman == pytest.approx(-1)


def test_no_ranking_no_agreement() -> None:
    assert asked(verdict=replace(VERDICT, ranking=())).spearman is None
    assert asked(verdict=replace(VERDICT, ranking=tuple((trial, 1.0) for trial in TRIALS))).spearman is None


def test_the_order_of_clips_and_candidates_says_nothing() -> None:
    table, found = scores(), asked()
    clips = np.random.default_rng(3).permutation(60)
    shuffled = Labels(
        section=tuple(LABELS.section[i] for i in clips),
        target_domain=tuple(LABELS.target_domain[i] for i in clips),
        anomaly=tuple(LABELS.anomaly[i] for i in clips),
    )
    assert asked(table[:, clips], shuffled) == found
    trials = np.random.default_rng(4).permutation(8)
    built = {"fusion": table[[0, 2]].mean(axis=0), "single": table[2], "default": table[4]}
    again = evaluate(LABELS, [TRIALS[i] for i in trials], table[trials], built, VERDICT, machine="fan")
    assert again == found
    assert json.dumps(asdict(again), allow_nan=False)


def test_equal_candidates_are_equal() -> None:
    table = np.repeat(scores()[:1], 8, axis=0)
    found = asked(table)
    assert found.best == "a"
    assert [row.rank for row in found.rows] == [1, 1, 1, None, 1]
    assert [row.gap_closed for row in found.rows] == [None] * 5
    assert found.spearman is None


def test_what_is_not_defined_is_said_and_auc_ranks() -> None:
    labels = replace(LABELS, target_domain=(False,) * 60)
    found = asked(labels=labels)
    assert found.judge == "auc"
    assert {row.figures.official for row in found.rows} == {None}
    assert {row.figures.auc_target for row in found.rows} == {None}
    (why,) = found.undefined
    assert "official score are not defined" in why
    text = "\n".join(found.lines())
    assert why in text
    assert "by AUC" in text
    assert "0.500" not in text
    assert all(word not in text for word in ("nan", "None"))


def test_what_so_many_clips_allow_to_be_said() -> None:
    found = asked()
    text = "\n".join(found.lines())
    assert "40 normal (30 source, 10 target) and 20 anomalous clips" in text
    assert "it saw the very labels" in text
    assert "Hanley & McNeil 1982" in text
    assert "pAUC rests on the 4 highest of 40 normal clips" in text
    assert f"chosen: fusion, rank {found.row('fusion').rank} of 8 candidates by official score" in text
    even = np.random.default_rng(1).normal(size=(8, 60))
    assert "no gain is shown" in "\n".join(asked(even).lines())
    perfect = scores() + 99 * np.array(LABELS.anomaly)
    assert "so few clips prove neither" in "\n".join(asked(perfect).lines())


@pytest.mark.parametrize("anomaly", [True, False])
def test_one_condition_is_nothing_to_tell_apart(anomaly: bool) -> None:
    with pytest.raises(GensupError, match="nothing to tell apart"):
        asked(labels=replace(LABELS, anomaly=(anomaly,) * 60))


def test_scores_are_finite() -> None:
    table = scores()
    table[3, 5] = np.nan
    with pytest.raises(GensupError, match="not finite"):
        asked(table)
