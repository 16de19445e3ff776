"""The nearest vectors are those of double precision, whatever single precision leaves in doubt."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gensup.detection import distances
from gensup.detection.distances import Metric, nearest

RNG = np.random.default_rng(11)
DIRECTION = RNG.normal(size=48)
BANKS = {
    "plain": RNG.normal(size=(700, 48)),
    "decibels": RNG.normal(-80, 3, (300, 48)),
    "nearly one direction": DIRECTION + 1e-4 * RNG.normal(size=(400, 48)),
    "clips that stand there twice": np.repeat(RNG.normal(size=(150, 48)), 2, axis=0),
    "all equal": np.ones((90, 48)),
    "huge": 1e25 * RNG.normal(size=(80, 48)),
    "tiny": 1e-25 * RNG.normal(size=(80, 48)),
    "few": RNG.normal(size=(3, 48)),
}


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("k", [1, 3, 16])
def test_all_distances_agree(name: str, metric: Metric, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = BANKS[name].astype(np.float32)
    k = min(k, len(bank) - 1)
    queries = np.concatenate([bank[:20], bank[:20] * 1.001, RNG.normal(size=(20, 48)), 1e3 * bank[:20]])
    queries = queries.astype(np.float32)
    spread = RNG.uniform(0.01, 10, len(bank))
    wide, far = bank.astype(np.float64), queries.astype(np.float64)
    unit = 1e-12 * max(np.abs(far).max(), np.abs(wide).max()) if metric == "euclidean" else 1e-12
    every = cdist(far, wide, metric)
    np.testing.assert_allclose(nearest(queries, bank, metric, k), np.sort(every, axis=1)[:, :k], rtol=1e-9, atol=unit)
    scaled = np.sort(every / spread, axis=1)[:, :k]
    found = nearest(queries, bank, metric, k, spread=spread)
    np.testing.assert_allclose(found, scaled, rtol=1e-9, atol=100 * unit)
    own = cdist(wide, wide, metric)
    np.fill_diagonal(own, np.inf)
    found = nearest(bank, bank, metric, k, others=True)
    np.testing.assert_allclose(found, np.sort(own, axis=1)[:, :k], rtol=1e-9, atol=unit)
    monkeypatch.setattr(distances, "DISTANCES_AT_ONCE", 7 * len(bank))
    np.testing.assert_array_equal(nearest(bank, bank, metric, k, others=True), found)


def test_what_single_precision_cannot_tell_apart() -> None:
    """A thousand vectors that differ in the ninth digit: the nearest is another than that of rounded products."""
    bank = np.zeros((1000, 3), dtype=np.float32)
    bank[:, 0] = 1
    bank[:, 1] = np.linspace(1e-5, 2e-5, 1000)
    query = np.array([[1, 1.2345e-5, 0]], dtype=np.float32)
    expected = np.sort(cdist(query.astype(np.float64), bank.astype(np.float64)), axis=1)[:, :4]
    np.testing.assert_allclose(nearest(query, bank, "euclidean", 4), expected, rtol=1e-9)


def test_few_are_left_in_doubt() -> None:
    """Otherwise it would be slow: double precision would measure everything."""
    bank = RNG.normal(size=(4000, 64)).astype(np.float32)
    doubtful = distances._doubtful(bank[:50] + np.float32(0.1), bank, "euclidean", 4, None, None)
    assert doubtful.sum(axis=1).min() >= 4
    assert doubtful.sum(axis=1).max() <= 4 + 8
