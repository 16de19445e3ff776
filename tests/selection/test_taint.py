"""How well a chain is told from recordings: about chance where it leaves no trace, well where it does."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.selection.constants import constants
from gensup.selection.taint import CODED, FEWEST, RECORDINGS, taint, told_from
from tests.selection.tables import column


def recordings(sources: int, seed: int = 0) -> np.ndarray:
    """(sources, 12) band levels in dB: a machine at different loads."""
    rng = np.random.default_rng(seed)
    load = rng.standard_normal((sources, 1))
    return np.asarray(-30 + 6 * load + np.linspace(0, -20, 12) + rng.standard_normal((sources, 12)), dtype=np.float32)


def asked(real: np.ndarray, made: np.ndarray) -> float:
    """Each of ``made`` is of the recording of the same place."""
    vectors = np.concatenate([real, made])
    sham = np.arange(len(vectors)) >= len(real)
    return taint(vectors, sham, [f"{i:03d}" for i in (*range(len(real)), *range(len(made)))])


def test_a_chain_without_a_trace_is_not_told() -> None:
    real = recordings(120)
    assert asked(real, real[:60]) <= 0.5 + 0.05
    rng = np.random.default_rng(1)
    values = [asked(real, real[:60] + 0.01 * rng.standard_normal((60, 12))) for _ in range(3)]
    assert max(values) < constants().tainted


def test_a_low_pass_is_told() -> None:
    real = recordings(120)
    made = real[:60].copy()
    made[:, 9:] -= 30
    assert asked(real, made) > 0.95
    made = real[:60].copy()
    made[:, 9:] -= 3
    assert asked(real, made) > constants().tainted


def test_knowing_the_clip_is_no_help() -> None:
    """Vectors that say which recording it is and nothing else: in folds by clip a sham is told from no recording."""
    rng = np.random.default_rng(0)
    real = rng.standard_normal((60, 200)).astype(np.float32)
    assert abs(asked(real, real) - 0.5) < 0.1


@pytest.mark.parametrize(("real", "made"), [(FEWEST - 1, FEWEST - 1), (200, FEWEST - 1), (FEWEST - 1, 1)])
def test_too_few_say_nothing(real: int, made: int) -> None:
    clips = recordings(real)
    assert asked(clips, clips[:made] - 30) == 0.5


def test_fewest_are_sources_and_not_clips() -> None:
    clips = recordings(FEWEST)
    vectors = np.concatenate([clips, np.repeat(clips[:5] - 30, 10, axis=0)])
    sham = np.arange(len(vectors)) >= FEWEST
    names = [str(i) for i in range(FEWEST)] + [str(i) for i in range(5) for _ in range(10)]
    assert taint(vectors, sham, names) == 0.5


def test_just_enough_say_something() -> None:
    clips = recordings(FEWEST)
    assert asked(clips, clips - np.linspace(0, 30, 12)) > 0.9


def test_constant_bands_do_no_harm() -> None:
    clips = recordings(40)
    clips[:, 3] = 0
    assert np.isfinite(asked(clips, clips[:30]))


def test_what_a_chain_was_told_from_is_what_its_candidates_are_fitted_on() -> None:
    columns = [
        column("n"), column("n", chain="codec", fitted="codec"), column("a", "anomaly", chain="zip"),
        column("s", "sham", chain="zip"), column("t", "sham", chain="zap", fitted="codec"),
    ]  # fmt: skip
    assert [told_from(columns, chain) for chain in ("zip", "zap")] == [RECORDINGS, CODED]
