"""Folds: every stratum in every fold, as even as can be, whatever the order of the clips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.errors import GensupError
from gensup.selection.folds import arrange


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=60), st.integers(0, 5))
def test_even_over_all_and_in_every_stratum(strata: list[str], seed: int) -> None:
    names = [f"clip{i}" for i in range(len(strata))]
    fold = arrange(strata, names, seed)
    sizes = np.bincount(fold, minlength=min(5, len(strata)))
    assert sizes.max() - sizes.min() <= 1
    for stratum in set(strata):
        within = np.bincount(fold[[s == stratum for s in strata]], minlength=min(5, len(strata)))
        assert within.max() - within.min() <= 1
    order = np.random.default_rng(seed).permutation(len(strata))
    shuffled = arrange([strata[i] for i in order], [names[i] for i in order], seed)
    np.testing.assert_array_equal(shuffled, fold[order])


def test_ten_target_clips_are_two_a_fold() -> None:
    strata = ["source"] * 90 + ["target"] * 10
    fold = arrange(strata, [str(i) for i in range(100)], 0)
    assert np.bincount(fold[90:]).tolist() == [2] * 5


def test_one_clip_cannot_be_held_out() -> None:
    with pytest.raises(GensupError, match="at least 2"):
        arrange(["a"], ["clip"], 0)
