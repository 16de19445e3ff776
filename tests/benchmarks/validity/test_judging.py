"""Judging against independent references, and on cases whose answer is known beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks.feature_tables import FeatureSet
from benchmarks.validity.judging import SPLITS, halves, judged, of, official, spearman, without
from benchmarks.validity.records import Case
from benchmarks.validity.tables import case_of
from gensup.selection.records import Judgement
from gensup.selection.utility import judge


@pytest.fixture(scope="module")
def case() -> Case:
    """A machine whose anomalies are a block of features that is raised, as one of the families has it."""
    rng = np.random.default_rng(3)
    mixing = rng.standard_normal((12, 12)) / 3 + np.eye(12)
    normal = (rng.standard_normal((120, 12)) @ mixing).astype(np.float32)[:, None]
    anomaly = normal[90:].copy()
    anomaly[:, :, 2:5] += 0.8
    test = np.concatenate([normal[60:], anomaly])
    return case_of(FeatureSet("machine", normal[:60], test, np.arange(90) >= 60, ""), "made")


@pytest.fixture(scope="module")
def read(case: Case) -> tuple[Judgement, ...]:
    return judge(case.table)


def test_official_scores() -> None:
    rng = np.random.default_rng(0)
    anomalous = np.arange(60) >= 40
    target = np.arange(60) % 4 == 0
    scores = rng.standard_normal((3, 60)) + 0.8 * anomalous

    def hmean(*values: float) -> float:
        return len(values) / sum(1 / value for value in values)

    for row, value in zip(scores, official(scores, anomalous, target), strict=True):
        areas = [roc_auc_score(anomalous[keep], row[keep]) for keep in (anomalous | ~target, anomalous | target)]
        assert value == pytest.approx(hmean(*areas, roc_auc_score(anomalous, row, max_fpr=0.1)))
    for row, value in zip(scores, official(scores, anomalous, np.zeros(60, dtype=bool)), strict=True):
        assert value == pytest.approx(hmean(roc_auc_score(anomalous, row), roc_auc_score(anomalous, row, max_fpr=0.1)))


def test_halves_are_stratified_and_apart() -> None:
    anomalous, target = np.arange(23) >= 14, np.arange(23) % 3 == 0
    seen = set()
    for a, b in halves("name", anomalous, target):
        assert sorted([*a, *b]) == list(range(23))
        for kind in (anomalous & target, anomalous & ~target, ~anomalous & target, ~anomalous & ~target):
            assert abs(int(kind[a].sum()) - int(kind[b].sum())) <= 1
        assert abs(len(a) - len(b)) <= 2
        seen.add(tuple(a))
    assert len(seen) == SPLITS
    assert [tuple(a) for a, _ in halves("name", anomalous, target)] != [
        tuple(a) for a, _ in halves("other", anomalous, target)
    ]


def test_rank_correlation() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.integers(0, 6, 30), rng.standard_normal(30)
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert spearman(np.ones(4), np.arange(4)) == 0


def test_dropping_mechanisms_is_dropping_judgements(case: Case, read: tuple[Judgement, ...]) -> None:
    """What lets a machine's families be read once for all of its cases."""
    every = read
    dropped = ("block-up", "tilt")
    left = judge(without(case.table, dropped))
    kept = of(every, sorted({j.mechanism for j in every} - set(dropped)))
    assert [j.family for j in left] == [j.family for j in kept]
    assert len(left) < len(every)
    for one, other in zip(left, kept, strict=True):
        assert (one.weight, one.rungs, one.information) == (other.weight, other.rungs, other.information)
        np.testing.assert_array_equal(one.value, other.value)


def test_oracles_and_random_stand_where_they_must(case: Case, read: tuple[Judgement, ...]) -> None:
    found = judged(case, read)
    assert set(found.scores) >= {"answer", "single", "fusion", "hedged", "default", "random", "one family alone"}
    assert all(len(values) == SPLITS for values in found.scores.values())
    best, crossed, random = (found.scores[n] for n in ("in-sample oracle", "cross-fit oracle", "random"))
    assert (best >= crossed).all()
    assert (best > crossed).any()  # it chose on the other half
    assert (best > random).all()
    for name in ("single", "default", "mean score alone"):
        assert (found.scores[name] <= best + 1e-12).all()
    assert found.gap("in-sample oracle") == pytest.approx(1)
    assert found.gap("random") == 0
    mean, error = found.against("answer", "default")
    differences = found.scores["answer"] - found.scores["default"]
    assert (mean, error) == pytest.approx((differences.mean(), differences.std(ddof=1) / np.sqrt(SPLITS)))
    assert (found.test_normals, found.test_anomalies, found.normals) == (60, 30, 60)
    assert not found.small


def test_labels_change_nothing_that_is_chosen(case: Case, read: tuple[Judgement, ...]) -> None:
    """Turned labels turn the scores round and leave the verdict as it is."""
    one, other = judged(case, read), judged(replace(case, anomalous=~case.anomalous), read)
    assert (one.answer, one.voters) == (other.answer, other.voters)
    assert one.mean("answer") > 0.5 > other.mean("answer")
    assert one.spearman["Borda"] == pytest.approx(-other.spearman["Borda"], abs=0.2)


def test_a_real_ranking_that_the_twins_have_backwards_is_a_wrong_prior(case: Case, read: tuple[Judgement, ...]) -> None:
    values = np.mean([j.value for j in read if j.weight > 0], axis=0)
    # Candidates that are good at twins are the worse on this test, whose clips are apart by as much.
    rng = np.random.default_rng(0)
    worth = 2 * (values.max() - values) / np.ptp(values)
    noise = rng.standard_normal((1, 80))
    backwards = replace(
        case,
        test=noise + worth[:, None] * (np.arange(80) >= 40),
        anomalous=np.arange(80) >= 40,
        target=np.zeros(80, dtype=bool),
    )
    found = judged(backwards, read)
    assert found.spearman["Borda"] < -0.5
    assert {"wrong 1", "wrong 3", "wrong many"} <= set(found.wrong)
    assert found.wrong["wrong many"].families >= 8
    for wrong in found.wrong.values():
        assert wrong.agreement < 0
        assert wrong.violates == (wrong.answer == "select" or wrong.gain < -0.02)
    assert found.wrong["wrong 1"].answer != "select"
    assert found.wrong["wrong 3"].answer != "select"
