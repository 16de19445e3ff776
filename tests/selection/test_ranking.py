"""Ranks on resamples, and who ties with the first."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.selection.ranking import borda, mean_utility, ranked, steadiness, top
from tests.selection.tables import says, table


def test_ties_are_those_within_the_first_ones_interval() -> None:
    # Two trials change places in a quarter of the resamples, the third never comes near.
    swapped = np.arange(200) % 4 == 0
    resampled = np.stack([np.where(swapped, 0.8, 0.9), np.where(swapped, 0.9, 0.8), np.full(200, 0.1)])
    voter = says("f", [0.9, 0.8, 0.1], resampled=resampled)
    counts = borda([voter])
    assert counts.tolist() == [1, 2, 3]
    assert steadiness([voter], 0, counts) == ((1, 2), (0, 1))


def test_without_doubt_the_first_stands_alone() -> None:
    values = np.array([0.9, 0.8, 0.7])
    voters = [says(f, values, resampled=np.repeat(values[:, None], 50, axis=1)) for f in "abc"]
    assert steadiness(voters, 0, borda(voters)) == ((1, 1), (0,))


def test_the_first_lies_within_its_own_interval_whatever_the_weights() -> None:
    """Counts are rounded, and thirds are not what they are rounded to."""
    first, second = np.array([0.9, 0.8, 0.7]), np.array([0.8, 0.9, 0.7])
    for weights in ((1, 2), (2, 1), (1, 6), (0.3, 0.4)):
        voters = [
            says(name, values, weight=weight, resampled=np.repeat(values[:, None], 50, axis=1))
            for name, values, weight in zip("ab", (first, second), weights, strict=True)
        ]
        counts = borda(voters)
        best = int(np.argmin(counts))
        interval, ties = steadiness(voters, best, counts)
        assert interval == (1, 1)
        assert ties == (best,)


def test_families_of_few_sources_may_be_missing_from_every_resample() -> None:
    """No resample holds a clip of all of them: each is counted by those that it does hold."""
    values = np.array([0.9, 0.8, 0.7])
    first, second = (np.repeat(values[:, None], 40, axis=1) for _ in range(2))
    first[:, :20], second[:, 20:] = np.nan, np.nan
    voters = [says("a", values, resampled=first), says("b", values, resampled=second)]
    assert steadiness(voters, 0, borda(voters)) == ((1, 1), (0,))
    nobody = [says(f, values, resampled=np.where(np.arange(40) < 5, np.nan, first)) for f in "ab"]
    nobody[0].resampled[:, :5] = nobody[1].resampled[:, :5] = np.nan
    assert steadiness(nobody, 0, borda(nobody)) == ((1, 1), (0,))


def test_a_missing_family_moves_no_weight_to_another_resample() -> None:
    """By hand: where the heavy one is missing, the light one alone decides."""
    heavy = np.array([[0.9, np.nan], [0.1, np.nan]])
    light = np.array([[0.1, 0.1], [0.9, 0.9]])
    voters = [says("a", [0.9, 0.1], weight=3, resampled=heavy), says("b", [0.1, 0.9], weight=1, resampled=light)]
    counts = borda(voters)
    assert counts.tolist() == [1.25, 1.75]
    assert steadiness(voters, 0, counts) == ((1, 2), (0, 1))


@pytest.mark.parametrize(("trials", "members"), [(1, 1), (3, 1), (7, 1), (8, 2), (12, 3), (31, 7), (32, 8), (204, 8)])
def test_a_quarter_of_the_candidates_is_fused_and_eight_at_most(trials: int, members: int) -> None:
    assert top(range(trials)) == list(range(members))


def test_equal_counts_go_to_the_smaller_model_then_to_the_first_id() -> None:
    scored = table({name: [0.0] for name in "dcba"}, [], parameters={"a": 9, "b": 5, "c": 5, "d": 5})
    names = [scored.trials[i].id for i in ranked(scored, np.array([1.0, 1.0, 1.0, 1.0]))]
    assert names == ["b", "c", "d", "a"]
    assert [scored.trials[i].id for i in ranked(scored, np.array([3.0, 2.0, 1.0, 0.5]))] == ["a", "b", "c", "d"]


def test_mean_utility_by_hand() -> None:
    np.testing.assert_allclose(mean_utility([says("a", [0.8, 0.4], weight=3), says("b", [0.4, 0.8])]), [0.7, 0.5])
