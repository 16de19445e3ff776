"""Draws repeat, arrays and tensors come out alike, formulas hold, and targets stay shares of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gensup.augmentation.feat_ex import FeatEx
from gensup.augmentation.mixup import Mixup
from gensup.augmentation.noise import NoiseMix
from gensup.augmentation.spec_augment import SpecAugment
from gensup.augmentation.stat_ex import StatEx
from gensup.errors import GensupError

B, T, F, C = 64, 20, 10, 5
X = np.random.default_rng(0).normal(2, 3, size=(B, T, F))
Y = np.eye(C)[np.random.default_rng(1).integers(C, size=B)]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def both(draw: Any, x: Any, *more: Any) -> np.ndarray:
    """Applied to arrays; to tensors it must come out the same."""
    before = x.copy() if isinstance(x, np.ndarray) else None
    out = draw.apply(x, *more)
    tensors = (
        [torch.tensor(x), *map(torch.tensor, more)] if isinstance(x, np.ndarray) else [[torch.tensor(p) for p in x]]
    )
    np.testing.assert_allclose(draw.apply(*tensors).numpy(), out, rtol=1e-6, atol=1e-9)
    if before is not None:
        np.testing.assert_array_equal(x, before)
    return np.asarray(out)


def targets(draw: Any, y: np.ndarray = Y) -> np.ndarray:
    out = draw.targets(y)
    np.testing.assert_allclose(draw.targets(torch.tensor(y)).numpy(), out)
    np.testing.assert_allclose(out.sum(axis=1), 1)
    return np.asarray(out)


def test_mixup() -> None:
    draw = Mixup(0.5).draw(B, rng())
    out = both(draw, X)
    for i in range(B):
        np.testing.assert_allclose(out[i], draw.share[i] * X[i] + (1 - draw.share[i]) * X[draw.partner[i]])
    assert 0.3 < (draw.share == 1).mean() < 0.7
    np.testing.assert_allclose(targets(draw), draw.apply(Y))
    np.testing.assert_array_equal(Mixup(0.5).draw(B, rng()).share, draw.share)
    np.testing.assert_array_equal(both(Mixup(0.0).draw(B, rng()), X), X)


@pytest.mark.parametrize(("over", "axis"), [("frequency", 2), ("time", 1)])
def test_stat_ex_gives_the_partners_statistics(over: Any, axis: int) -> None:
    draw = StatEx(0.5, over).draw(B, rng())
    out = both(draw, X)
    changed, partner = draw.changed, draw.partner
    np.testing.assert_array_equal(out[~changed], X[~changed])
    np.testing.assert_allclose(out[changed].mean(axis=axis), X[partner][changed].mean(axis=axis), rtol=1e-6)
    np.testing.assert_allclose(out[changed].std(axis=axis), X[partner][changed].std(axis=axis), rtol=1e-6)
    back = (out - out.mean(axis=axis, keepdims=True)) / out.std(axis=axis, keepdims=True)
    own = (X - X.mean(axis=axis, keepdims=True)) / X.std(axis=axis, keepdims=True)
    np.testing.assert_allclose(back, own, atol=1e-6)  # the shape is its own
    y = targets(draw)
    np.testing.assert_array_equal(y[~changed], np.hstack([Y, 0 * Y, 0 * Y])[~changed])
    np.testing.assert_array_equal(y[changed], np.hstack([0 * Y, Y / 2, Y[partner] / 2])[changed])


@pytest.mark.parametrize("n", [2, 3])
def test_feat_ex(n: int) -> None:
    branches = [np.random.default_rng(i).normal(size=(B, 4)) for i in range(n)]
    draw = FeatEx(n, 0.5).draw(B, rng())
    out = both(draw, branches)
    changed = draw.changed
    np.testing.assert_array_equal(out[~changed], np.hstack(branches)[~changed])
    exchanged = np.hstack([b[p] for b, p in zip(branches, draw.partners, strict=True)])
    np.testing.assert_array_equal(out[changed], exchanged[changed])
    np.testing.assert_array_equal(out[:, -4:], branches[-1])
    y = targets(draw)
    assert y.shape == (B, (n + 1) * C)
    np.testing.assert_allclose(y[changed], np.hstack([0 * Y, *(Y[p] / n for p in draw.partners)])[changed])


def test_spec_augment() -> None:
    many = np.ones((2000, T, F))
    draw = SpecAugment(8, 4, 0.5).draw(many.shape, rng())
    out = both(draw, many)
    hidden_t, hidden_f = (out == 0).all(axis=2).sum(axis=1), (out == 0).all(axis=1).sum(axis=1)
    assert hidden_t.max() == 8
    assert hidden_f.max() == 4
    assert 0.4 < (hidden_t > 0).mean() / (8 / 9) < 0.6  # a width of 0 hides nothing
    gaps = np.diff((out == 0).all(axis=2).astype(int), axis=1)
    assert ((gaps == 1).sum(axis=1) <= 1).all()  # one stretch
    assert ((out == 0) | (out == 1)).all()
    seen = (out != 0).mean(axis=(0, 2))
    assert seen.min() > 0.6  # no place is hidden for good
    np.testing.assert_array_equal(both(SpecAugment(8, 4, 0.0).draw(many.shape, rng()), many), many)
    both(SpecAugment(80, 80, 1.0).draw((3, 5, 2), rng()), np.ones((3, 5, 2)))


def test_noise_at_the_stated_ratio() -> None:
    clean = np.random.default_rng(3).normal(size=(B, 800))
    noises = np.random.default_rng(4).normal(0, 0.01, size=(3, 300))
    draw = NoiseMix((5.0, 20.0), 0.5).draw(B, 3, rng())
    out = both(draw, clean, noises)
    added = out - clean
    changed = draw.changed
    assert (added[~changed] == 0).all()
    ratio = 10 * np.log10((clean**2).mean(axis=1) / np.maximum((added**2).mean(axis=1), 1e-30))
    np.testing.assert_allclose(ratio[changed], draw.snr_db[changed], atol=1e-3)
    first = np.flatnonzero(changed)[0]
    start = int(draw.offset[first] * 300)
    expected = np.resize(np.roll(noises[draw.noise[first]], -start), 800)
    assert np.corrcoef(expected, added[first])[0, 1] > 0.999999
    np.testing.assert_array_equal(targets(draw), Y)
    np.testing.assert_array_equal(draw.extra_classes(Y)[:, C:].sum(axis=1), changed)
    silent = both(draw, np.zeros((B, 800)), noises)
    np.testing.assert_array_equal(silent, 0)
    np.testing.assert_array_equal(both(draw, clean, np.zeros((3, 300))), clean)
    with pytest.raises(GensupError, match="no noise"):
        NoiseMix().draw(4, 0, rng())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Mixup(1.5),
        lambda: Mixup(0.5, 0.0),
        lambda: StatEx(-0.1),
        lambda: FeatEx(1),
        lambda: SpecAugment(-1),
        lambda: NoiseMix(()),
        lambda: NoiseMix((999.0,)),
    ],
)
def test_out_of_range(wrong: Any) -> None:
    with pytest.raises(GensupError, match="out of range"):
        wrong()


def test_tensors_keep_their_precision() -> None:
    x = torch.tensor(X, dtype=torch.float32)
    for out in (
        Mixup().draw(B, rng()).apply(x),
        StatEx().draw(B, rng()).apply(x),
        SpecAugment(5, 5).draw((B, T, F), rng()).apply(x),
        Mixup().draw(B, rng()).targets(torch.tensor(Y, dtype=torch.float32)),
    ):
        assert out.dtype == torch.float32
