"""Places and thresholds in a gamma distribution of normal scores, against scipy.stats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gensup.detection.held_out import HeldOut
from gensup.steps.alarms import NormalScores, threshold_of

RATES = (1e-6, 0.001, 0.05, 0.1, 0.5, 0.99)


@pytest.mark.parametrize("begin", [0.0, -300.0])
@pytest.mark.parametrize("shape", [0.5, 2.0, 7.5, 400.0])
def test_a_gamma_distribution_by_moments(shape: float, begin: float) -> None:
    own = stats.gamma(shape, loc=begin, scale=3.0)
    mean, variance, skew = own.stats("mvs")
    found = NormalScores.of(HeldOut(mean=mean, sd=variance**0.5, threshold=own.ppf(0.9), skew=skew))
    assert found.shape == pytest.approx(shape)
    x = np.linspace(begin - 5, own.ppf(1 - 1e-9), 101)
    np.testing.assert_allclose(found.cdf(x), own.cdf(x), atol=1e-9)
    np.testing.assert_allclose([found.threshold(rate) for rate in RATES], own.isf(RATES), rtol=1e-8)


@pytest.mark.parametrize("skew", [-2.0, 0.0])
def test_scores_that_are_not_skewed_to_the_right(skew: float) -> None:
    own = stats.norm(-300.0, 4.0)
    found = NormalScores.of(HeldOut(mean=-300.0, sd=4.0, threshold=own.ppf(0.9), skew=skew))
    assert found.shape is None
    np.testing.assert_allclose(found.cdf(own.ppf(RATES)), RATES)
    np.testing.assert_allclose([found.threshold(rate) for rate in RATES], own.isf(RATES))


def test_moments_are_those_of_the_scores() -> None:
    scores = np.random.default_rng(1).gamma(2, 3, 500) - 40
    held = HeldOut.of(scores)
    assert (held.mean, held.sd) == pytest.approx((scores.mean(), scores.std()))
    assert held.skew == pytest.approx(stats.skew(scores))


def test_as_many_false_alarms_as_were_allowed() -> None:
    rng = np.random.default_rng(0)
    held = HeldOut.of(rng.gamma(4, 2, 1000))
    later = rng.gamma(4, 2, 20_000)
    for rate in (0.01, 0.05, 0.2):
        assert (later > threshold_of(held, rate)).mean() == pytest.approx(rate, abs=0.3 * rate)
    assert threshold_of(held, None) == held.threshold
    assert np.all(np.diff(NormalScores.of(held).cdf(np.sort(later))) >= 0)


def test_equal_scores_have_a_threshold() -> None:
    for value in (-1.0, 0.0, 5.0):
        held = HeldOut.of(np.full(10, value))
        assert value < threshold_of(held, 0.05) < np.inf
