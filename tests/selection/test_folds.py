"""Folds: every stratum in every fold, as even as can be, whatever the order of the clips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.detection.crossfit import Arrangement, _splits
from gensup.errors import GensupError
from gensup.selection.folds import arrange, leave_out, repeats


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


def test_few_clips_are_arranged_more_than_once() -> None:
    assert [repeats(n) for n in (2, 299, 300, 1000)] == [3, 3, 1, 1]


def test_arrangements_differ_and_are_alike() -> None:
    """Other folds, of the same sizes, with every stratum as even as in the first."""
    strata = ["source|1"] * 37 + ["source|2"] * 20 + ["target|3"] * 10
    names = [f"clip{i}" for i in range(len(strata))]
    found = [arrange(strata, names, 7, repeat) for repeat in range(3)]
    for other in range(3):
        np.testing.assert_array_equal(np.bincount(found[other]), np.bincount(found[0]))
        for stratum in set(strata):
            within = np.bincount(found[other][[s == stratum for s in strata]], minlength=5)
            assert within.max() - within.min() <= 1
        assert np.bincount(found[other][57:]).tolist() == [2] * 5
    for one, other in ((0, 1), (0, 2), (1, 2)):
        together = [(f[:, None] == f[None, :])[np.triu_indices(len(strata), 1)] for f in (found[one], found[other])]
        # Of the pairs that shared a fold about a fifth does so again.
        assert together[1][together[0]].mean() < 0.4


def test_target_clips_of_several_conditions_are_two_a_fold_together() -> None:
    strata = ["00|source|a"] * 31 + [f"00|target|{i % 4}" for i in range(10)]
    fold = arrange(strata, [str(i) for i in range(41)], 3)
    assert np.bincount(fold[31:]).tolist() == [2] * 5


def clips(counts: dict[str, int]) -> tuple[list[str], list[str]]:
    conditions = [condition for condition, n in counts.items() for _ in range(n)]
    return conditions, [f"{condition}{i}" for i, condition in enumerate(conditions)]


@pytest.mark.parametrize(
    "counts",
    [{"a": 4, "b": 4}, {"a": 9, "b": 7, "c": 5, "d": 3}, dict.fromkeys("abcdefg", 6), {"a": 40, "b": 4, "c": 1}],
)
def test_who_asks_is_unknown_to_the_model_and_so_is_its_condition(counts: dict[str, int]) -> None:
    conditions, names = clips(counts)
    arranged = leave_out(conditions, names, 0)
    assert arranged is not None
    fold, also, asks = arranged
    group = np.array(conditions)
    left = {c for c, n in counts.items() if n >= 4}
    assert (fold >= 0).all()  # everybody is scored, and once
    for condition in counts:
        mine = group == condition
        # Half of a left-out condition asks, and no other clip.
        assert asks[mine].sum() == ((mine.sum() + 1) // 2 if condition in left and also[mine][0] >= 0 else 0)
    splits = _splits(Arrangement(train=np.ones(len(fold), dtype=bool), fold=fold, also=also), ["fan/00"] * len(fold))
    assert len(splits) == min(5, len(left))
    for split in splits:
        assert not set(split.fitted) & set(split.scored)
        asking = [i for i in split.scored if asks[i]]
        (condition,) = {conditions[i] for i in asking}
        assert condition not in {conditions[i] for i in split.fitted}
        negatives = [i for i in split.scored if not asks[i]]
        assert negatives
        assert condition not in {conditions[i] for i in negatives}
        # A negative is a held-out clip of a condition that the model knows, if it has others.
        for i in negatives:
            if counts[conditions[i]] > 3:
                assert conditions[i] in {conditions[j] for j in split.fitted}


def test_five_conditions_at_most_are_left_out_the_largest_first() -> None:
    conditions, names = clips({c: 4 + i for i, c in enumerate("abcdefg")})
    arranged = leave_out(conditions, names, 0)
    assert arranged is not None
    assert {c for c, ask in zip(conditions, arranged[2], strict=True) if ask} == set("cdefg")


def test_conditions_left_out_do_not_depend_on_the_order_of_clips() -> None:
    conditions, names = clips({"a": 9, "b": 7, "c": 5})
    first = leave_out(conditions, names, 0)
    order = np.random.default_rng(0).permutation(len(names))
    second = leave_out([conditions[i] for i in order], [names[i] for i in order], 0)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(second[2], first[2][order])
    np.testing.assert_array_equal(second[1], first[1][order])
    np.testing.assert_array_equal(second[0], first[0][order])


def test_one_condition_cannot_be_left_out() -> None:
    assert leave_out(["a"] * 20, [str(i) for i in range(20)], 0) is None
    assert leave_out(["a"] * 20 + ["b"] * 3, [str(i) for i in range(23)], 0) is None
