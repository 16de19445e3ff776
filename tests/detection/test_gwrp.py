"""GWRP: one sort and one matrix product give what the formula gives for every decay."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.detection.parts import Tokens
from gensup.detection.pooling.gwrp import Gwrp
from gensup.errors import GensupError


def by_formula(x: np.ndarray, decay: float) -> np.ndarray:
    """Sum of decay^(t-1) x_(t) over the values in falling order, divided by the sum of weights (Guan et al. 2023)."""
    pooled = []
    for band in x.T.astype(np.float64):
        total = weights = 0.0
        for t, value in enumerate(sorted(band, reverse=True)):
            weight = 1.0 if t == 0 else decay**t
            total, weights = total + weight * value, weights + weight
        pooled.append(total / weights)
    return np.array(pooled)


def test_every_decay_of_the_published_grid() -> None:
    x = np.random.default_rng(0).normal(-40, 10, (63, 12)).astype(np.float32)
    decays = [round(0.02 * i, 2) for i in range(51)]
    pooled = np.stack(Gwrp.pool_many(Tokens(x[:, None, :]), [Gwrp(decay) for decay in decays]))
    assert pooled.shape == (51, 12)
    np.testing.assert_allclose(pooled, [by_formula(x, decay) for decay in decays], atol=1e-4)
    np.testing.assert_allclose(pooled[0], x.max(axis=0), atol=0)
    np.testing.assert_allclose(pooled[-1], x.mean(axis=0), atol=1e-4)


def test_a_decay_does_not_know_its_neighbours() -> None:
    decays = [Gwrp(round(0.02 * i, 2)) for i in range(51)]
    for seed in range(20):
        tokens = Tokens(np.random.default_rng(seed).normal(-40, 10, (313, 1, 128)).astype(np.float32))
        together = Gwrp.pool_many(tokens, decays)
        for i in (0, 23, 50):
            np.testing.assert_array_equal(Gwrp.pool_many(tokens, [decays[i]])[0], together[i])


def test_one_frame_is_itself() -> None:
    x = np.arange(5, dtype=np.float32)[None, None, :]
    np.testing.assert_array_equal(Gwrp.pool_many(Tokens(x), [Gwrp(0.5)])[0], x[0, 0])


@pytest.mark.parametrize("decay", [-0.01, 1.01, float("nan")])
def test_a_decay_outside_its_range(decay: float) -> None:
    with pytest.raises(GensupError, match=r"pooling\.decay"):
        Gwrp(decay)
