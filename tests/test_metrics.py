"""Metrics against scikit-learn, which the official evaluators call."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hmean as scipy_hmean
from sklearn.metrics import roc_auc_score

from gensup import metrics
from gensup.errors import GensupError
from gensup.metrics import auc, hmean, pauc

smooth = st.floats(-1e6, 1e6)
tied = st.integers(-2, 2).map(float)
tiny = st.floats(0, 5e-324 * 40)
sides = st.sampled_from([smooth, tied, tiny]).flatmap(
    lambda score: st.tuples(*[st.lists(score, min_size=1, max_size=30)] * 2)
)


def official(normal: object, anomaly: object, max_fpr: float | None = None) -> float:
    truth = np.r_[np.zeros(np.size(normal)), np.ones(np.size(anomaly))]
    return float(roc_auc_score(truth, np.r_[np.ravel(normal), np.ravel(anomaly)], max_fpr=max_fpr))


@given(sides, st.sampled_from([0.1, 0.05, 1 / 3, 0.999, 1.0, 1e-6]))
def test_equal_to_scikit_learn(scores: tuple[list[float], list[float]], max_fpr: float) -> None:
    normal, anomaly = scores
    assert auc(normal, anomaly) == pytest.approx(official(normal, anomaly), rel=0, abs=1e-12)
    # Standardising divides by p: so does the rounding of both.
    bound = 1e-12 if max_fpr > 1e-3 else 1e-9
    assert pauc(normal, anomaly, max_fpr) == pytest.approx(official(normal, anomaly, max_fpr), rel=0, abs=bound)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("block", [1, 1000, 1 << 16])
def test_batches_are_what_single_calls_are(dtype: type, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BLOCK", block)
    rng = np.random.default_rng(0)
    normal = (rng.normal(size=(5, 1, 43)) * 9).astype(dtype)
    anomaly = (rng.normal(size=(3, 17)) * 9 + 4).astype(dtype)
    whole, part = auc(normal, anomaly), pauc(normal, anomaly)
    assert whole.shape == part.shape == (5, 3)
    for i in range(5):
        for j in range(3):
            assert whole[i, j] == pytest.approx(official(normal[i, 0], anomaly[j]), abs=1e-12)
            assert part[i, j] == pytest.approx(official(normal[i, 0], anomaly[j], 0.1), abs=1e-12)


def test_known_values() -> None:
    assert auc([0, 1, 2], [1, 3]) == 4.5 / 6
    assert auc([1, 2], [3, 4]) == 1
    assert auc([3, 4], [1, 2]) == 0
    assert auc([1, 1], [1]) == 0.5
    assert pauc([7, 7, 7], [7, 7]) == pytest.approx(0.5, abs=1e-15)
    assert pauc([1, 2], [3, 4]) == 1
    assert pauc([3, 4], [1, 2]) == pytest.approx(0.5 * (1 - 0.005 / 0.095), abs=1e-15)  # the worst there is
    assert auc([0.0], [-0.0]) == 0.5
    assert auc([-np.inf, 0], [np.inf]) == 1
    assert auc([np.inf], [np.inf]) == 0.5


def test_inputs_are_left_as_they_are() -> None:
    normal, anomaly = np.array([3.0, 1.0]), np.array([2.0, 2.0])
    for frozen in (normal, anomaly):
        frozen.flags.writeable = False
    assert auc(normal, anomaly) == 0.5


@pytest.mark.parametrize("metric", [auc, pauc])
def test_undefined_is_nan_and_never_chance(metric: object) -> None:
    assert callable(metric)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metric([], [1.0]))
        assert np.isnan(metric([1.0], []))
        assert np.isnan(metric([], []))
        assert np.isnan(metric([1.0, np.nan], [2.0]))
        assert np.isnan(metric([1.0], [np.nan]))
        batch = metric([[1.0, 2.0], [np.nan, 2.0]], [[3.0], [3.0]])
        assert metric(np.ones((4, 0)), np.ones((4, 3))).shape == (4,)
        assert metric(np.ones((0, 2)), np.ones((0, 3))).shape == (0,)
    assert batch[0] == 1
    assert np.isnan(batch[1])


@pytest.mark.parametrize("max_fpr", [0, -0.1, 1.1, float("nan")])
def test_no_such_rate(max_fpr: float) -> None:
    with pytest.raises(GensupError, match=r"max_fpr: no partial AUC \(got .*\); above 0 and at most 1"):
        pauc([1], [2], max_fpr)


@given(st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=20))
def test_harmonic_mean(values: list[float]) -> None:
    assert hmean(values) == pytest.approx(scipy_hmean(values), rel=1e-12)
    assert hmean([values, values], axis=1) == pytest.approx(np.repeat(scipy_hmean(values), 2), rel=1e-12)


def test_harmonic_mean_has_the_official_floor() -> None:
    assert hmean([0.0, 1.0]) == 2 / (1 / sys.float_info.epsilon + 1)
    assert np.array_equal(hmean(np.full((2, 3, 4), 0.5), axis=(0, 2)), np.full(3, 0.5))
    assert np.isnan(hmean([0.5, np.nan]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(hmean([]))
        assert np.isnan(hmean(np.ones((3, 0)), axis=1)).tolist() == [True] * 3
        assert hmean(np.ones((3, 0)), axis=0).shape == (0,)
