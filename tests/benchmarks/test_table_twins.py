"""Twins in feature space: what each family does, and that all clips of it suffer the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.table_twins import families, nuisances, standard, twins
from gensup.synthesis.plan import LADDER

RNG = np.random.default_rng(1)
X = (RNG.standard_normal((30, 3, 24)) * np.linspace(0.5, 20, 24) + 7).astype(np.float32)
FOLD = np.arange(30) % 5
SOURCES = [0, 4, 9]
MADE = twins("test", X, SOURCES, FOLD)
NAMES = [family.name for family in families(3)]


def changed(family: str, severity: float) -> np.ndarray:
    """(sources, time, dim) in units of the normal spread."""
    return (MADE[family, severity] - X[SOURCES]) / standard(X)[1]


def test_every_family_has_every_rung() -> None:
    assert set(MADE) == {(name, severity) for name in NAMES for severity in LADDER}
    assert len(NAMES) == len(set(NAMES)) >= 8
    assert len({family.mechanism for family in families(1)}) >= 4
    assert not {"step-up", "step-down"} & {family.name for family in families(1)}


@pytest.mark.parametrize("family", NAMES)
def test_stronger_is_further(family: str) -> None:
    moved = [float(np.abs(changed(family, severity)).mean()) for severity in LADDER]
    assert all(np.isfinite(MADE[family, severity]).all() for severity in LADDER)
    assert moved[-1] > 2 * moved[0]
    assert all(later >= earlier for earlier, later in pairwise(moved))


def test_a_block_goes_up_alike_in_all_clips() -> None:
    shift = changed("a-block-up", 1.0)
    raised = np.abs(shift - 1) < 1e-4
    assert (raised.sum(axis=2) == 24 // 6).all()
    assert (raised == raised[0, 0]).all()
    assert np.abs(shift[~raised]).max() < 1e-4
    # Another family of the mechanism is another block, and both stay where they are on the ladder.
    assert not np.allclose(changed("another-block-up", 1.0), shift, atol=1e-3)
    np.testing.assert_allclose(changed("a-block-up", 2.0), 2 * shift, atol=1e-3)


def test_swapped_features_are_of_a_clip_of_the_same_fold() -> None:
    for row, source in enumerate(SOURCES):
        twin = MADE["swapped", 4.0][row]
        others = [i for i in range(30) if FOLD[i] == FOLD[source] and i != source]
        taken = np.abs(twin - X[source]).max(axis=0) > 1e-3
        assert 0.3 * 24 < taken.sum() < 0.5 * 24
        assert any(np.allclose(twin[:, taken], X[i][:, taken], atol=1e-3) for i in others)


def test_mirrored_features_are_as_probable_as_before() -> None:
    mean, spread = standard(X)
    before, after = ((x - mean) / spread for x in (X[SOURCES], MADE["mirrored", 4.0]))
    np.testing.assert_allclose(np.abs(before), np.abs(after), atol=1e-3)
    assert (np.sign(before) != np.sign(after)).any()


def test_the_seed_is_the_names() -> None:
    again = twins("test", X, SOURCES, FOLD)
    assert all((again[key] == MADE[key]).all() for key in MADE)
    assert any((twins("other", X, SOURCES, FOLD)[key] != MADE[key]).any() for key in MADE)


def test_nuisances_stay_within_normal_levels() -> None:
    mean, spread = standard(X)
    level = ((X - mean) / spread).mean(axis=(1, 2))
    for name, copies in nuisances(X, SOURCES).items():
        moved = ((copies - mean) / spread).mean(axis=(1, 2)) - level[SOURCES]
        np.testing.assert_allclose(np.abs(moved), level.std() / 2, rtol=1e-3)
        assert (moved > 0).all() == (name == "higher")
