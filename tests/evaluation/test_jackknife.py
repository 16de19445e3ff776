"""Leaving one clip out, against computing it N times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gensup.evaluation.jackknife import interval, leave_one_out

levels = st.lists(st.integers(0, 6), min_size=2, max_size=8)


@settings(deadline=None, max_examples=30)
@given(levels, levels, st.sampled_from([1.0, 0.1, 0.3]))
def test_the_same_as_n_times(normal: list[int], anomaly: list[int], max_fpr: float) -> None:
    found = leave_one_out(normal, anomaly, max_fpr)
    for i in range(len(normal) + len(anomaly)):
        low = [v for j, v in enumerate(normal) if j != i]
        high = [v for j, v in enumerate(anomaly) if j != i - len(normal)]
        labels = [0] * len(low) + [1] * len(high)
        expected = roc_auc_score(labels, [*low, *high], max_fpr=None if max_fpr == 1 else max_fpr)
        assert found[i] == pytest.approx(expected, abs=1e-12)


def test_many_clips() -> None:
    rng = np.random.default_rng(0)
    normal, anomaly = rng.normal(0, 1, 400), rng.normal(1, 1, 300)
    found = leave_one_out(normal, anomaly, 0.1)
    for i in (0, 17, 399, 400, 650, 699):
        low, high = np.delete(normal, i) if i < 400 else normal, np.delete(anomaly, i - 400) if i >= 400 else anomaly
        labels = np.r_[np.zeros(len(low)), np.ones(len(high))]
        assert found[i] == pytest.approx(roc_auc_score(labels, np.r_[low, high], max_fpr=0.1), abs=1e-13)


def test_nothing_left_is_not_defined() -> None:
    assert np.isnan(leave_one_out([1.0], [2.0, 3.0])).tolist() == [True, False, False]
    assert interval(leave_one_out([1.0], [2.0, 3.0]), 0.95) is None
    assert interval([0.5], 0.95) is None


def test_constant_scores_have_no_width() -> None:
    for max_fpr in (1.0, 0.1):
        found = interval(leave_one_out([0.5] * 900, [0.5] * 901, max_fpr), 0.95)
        assert found is not None
        assert (found.published, found.usual) == (0, 0)


def test_the_usual_divisor_is_the_standard_error_of_a_mean() -> None:
    # Of a mean, the jackknife's standard error is s / sqrt(N); t(0.975, 3) = 3.182446.
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = interval([(values.sum() - v) / 3 for v in values], 0.95)
    assert found is not None
    assert found.usual == pytest.approx(3.182446305 * values.std(ddof=1) / 2, rel=1e-8)
    assert found.published == pytest.approx(found.usual / 3, rel=1e-12)
