"""Clips that are unlike their stratum, and none that is only rare."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.selection.constants import constants
from gensup.selection.suspects import suspects


def scores(clips: int, candidates: int = 8, seed: int = 0) -> np.ndarray:
    """(candidates, clips) on scales of their own, of clips that have something in common for all."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(clips) + 0.3 * rng.standard_normal((candidates, clips))
    return np.asarray(np.exp(rng.standard_normal((candidates, 1))) * common + 50 * rng.standard_normal((candidates, 1)))


def test_nobody_among_equals() -> None:
    for seed in range(10):
        assert suspects(scores(200, seed=seed), ["source"] * 200) == []


def test_a_contaminated_clip_is_found_with_its_distance() -> None:
    found = scores(60)
    sd = 1.4826 * np.median(np.abs(found - np.median(found, axis=1, keepdims=True)), axis=1)
    found[:, 17] = np.median(found, axis=1) + 9 * sd
    found[:, 40] = np.median(found, axis=1) + 12 * sd
    (first, far), (second, near) = suspects(found, ["source"] * 60)
    assert (first, second) == (40, 17)
    assert (far, near) == pytest.approx((12, 9), rel=0.1)


def test_a_clip_that_is_too_normal_is_none() -> None:
    found = scores(60)
    found[:, 17] -= 100 * found.std(axis=1)
    assert suspects(found, ["source"] * 60) == []


def test_most_candidates_must_agree() -> None:
    found = scores(60)
    found[:3, 17] += 100 * found[:3].std(axis=1)
    assert suspects(found, ["source"] * 60) == []
    found[3:, 17] += 100 * found[3:].std(axis=1)
    assert [place for place, _ in suspects(found, ["source"] * 60)] == [17]


def test_ten_target_clips_are_compared_with_each_other() -> None:
    found = scores(210)
    found[:, 200:] += 20 * found.std(axis=1, keepdims=True)
    strata = ["source"] * 200 + ["target"] * 10
    assert suspects(found, strata) == []
    assert {place for place, _ in suspects(found, ["source"] * 210)} == set(range(200, 210))  # strange to all others
    found[:, 205] += 50 * found[:, :200].std(axis=1)
    assert [place for place, _ in suspects(found, strata)] == [205]


def test_of_a_handful_none_is_blamed() -> None:
    found = scores(54)
    found[:, 50:] += np.array([0, 0, 0, 90]) * found.std(axis=1, keepdims=True)
    assert suspects(found, ["source"] * 50 + ["target"] * 4) == []


def test_equally_strange_ones_in_order_of_place() -> None:
    found = scores(60)
    found[:, [5, 9, 30]] = found.max(axis=1, keepdims=True) + 100 * found.std(axis=1, keepdims=True)
    assert [place for place, _ in suspects(found, ["source"] * 60)] == [5, 9, 30]


def test_constant_scores_blame_nobody() -> None:
    assert suspects(np.ones((3, 20)), ["source"] * 20) == []
    deaf = np.vstack([np.ones((2, 20)), scores(20, 3)])
    assert suspects(deaf, ["source"] * 20) == []


def test_the_bound_is_the_constant() -> None:
    # Median 0, median deviation 1.
    own = np.array([-1.0] * 5 + [0.0] + [1.0] * 4 + [0.0])
    at = constants().suspect * 1.4826
    for factor, expected in ((0.99, []), (1.01, [10])):
        own[10] = factor * at
        assert [place for place, _ in suspects(own[None], ["s"] * 11)] == expected
