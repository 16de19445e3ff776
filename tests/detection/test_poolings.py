"""Every pooling keeps one contract; each agrees with its formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pmean

from gensup.detection.parts import POOLINGS, Tokens
from gensup.detection.pooling.gem import Gem
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.pooling.max import Max
from gensup.detection.pooling.mean import Mean
from gensup.detection.pooling.rdp import Rdp
from gensup.detection.pooling.rdp_gem import RdpGem
from gensup.errors import GensupError

RNG = np.random.default_rng(0)
TOKENS = Tokens(RNG.normal(size=(9, 3, 4)).astype(np.float32))
DIMS = {"time": 12, "both": 4, "frequency": 36}


@pytest.mark.parametrize("name", POOLINGS.names())
@pytest.mark.parametrize("over", DIMS)
def test_one_vector_a_clip(name: str, over: str) -> None:
    config = replace(POOLINGS.load(name)(), over=over)
    before = TOKENS.x.copy()
    (vector,) = type(config).pool_many(TOKENS, [config])
    assert vector.shape == (DIMS[over],)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    np.testing.assert_array_equal(TOKENS.x, before)
    # Neighbours in a sweep change nothing.
    twice = type(config).pool_many(TOKENS, [config, config])
    np.testing.assert_array_equal(twice, [vector, vector])
    if over != "frequency":  # the order of tokens in time says nothing
        shuffled = Tokens(TOKENS.x[RNG.permutation(9)])
        np.testing.assert_allclose(type(config).pool_many(shuffled, [config])[0], vector, atol=1e-6)
    still = Tokens(np.full((1, 3, 4), 0.5, dtype=np.float32))
    np.testing.assert_allclose(type(config).pool_many(still, [config])[0], 0.5, rtol=1e-6)


def test_the_means_and_their_ends() -> None:
    x = TOKENS.x.astype(np.float64)
    np.testing.assert_allclose(Mean.pool_many(TOKENS, [Mean()])[0], x.mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_allclose(Mean.pool_many(TOKENS, [Mean("time")])[0], x.mean(axis=0).ravel(), rtol=1e-6)
    np.testing.assert_array_equal(Max.pool_many(TOKENS, [Max()])[0], TOKENS.x.max(axis=(0, 1)))
    for same in (Gwrp(1.0, "both"), Rdp(0.0), Gem(1.0, negative="keep"), RdpGem(0.0, 1.0, negative="keep")):
        np.testing.assert_allclose(type(same).pool_many(TOKENS, [same])[0], x.mean(axis=(0, 1)), atol=1e-6)
    np.testing.assert_array_equal(Gwrp.pool_many(TOKENS, [Gwrp(0.0, "both")]), Max.pool_many(TOKENS, [Max()]))


def test_power_means_are_scipys() -> None:
    positive = Tokens(np.abs(TOKENS.x) + np.float32(0.1))
    frames = positive.x.reshape(-1, 4).astype(np.float64)
    np.testing.assert_allclose(Gem.pool_many(positive, [Gem(3.0)])[0], pmean(frames, 3.0, axis=0), rtol=1e-5)
    distance = np.sqrt(((frames - frames.mean(axis=0)) ** 2).sum(axis=1))
    weights = distance**8 / (distance**8).sum()
    np.testing.assert_allclose(Rdp.pool_many(positive, [Rdp(8.0)])[0], weights @ frames, rtol=1e-5)
    expected = pmean(frames, 3.0, axis=0, weights=weights[:, None].repeat(4, axis=1))
    np.testing.assert_allclose(RdpGem.pool_many(positive, [RdpGem(8.0, 3.0)])[0], expected, rtol=1e-5)
    tiny = Tokens(np.full((3, 1, 2), 1e-6, dtype=np.float32))
    np.testing.assert_allclose(Gem.pool_many(tiny, [Gem(64.0)])[0], 1e-6, rtol=1e-3)


@pytest.mark.parametrize(
    "wrong", [lambda: Gem(0.5), lambda: Rdp(-1.0), lambda: RdpGem(8.0, 99.0), lambda: RdpGem(99.0)]
)
def test_out_of_range(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GensupError, match="out of range"):
        wrong()
