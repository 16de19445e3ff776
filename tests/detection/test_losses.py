"""Every loss against its formula in float64, its gradients, and that it pulls classes apart."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import numpy as np
import pytest
import torch

from gensup.detection.heads import HeadSettings
from gensup.detection.parts import LOSSES
from gensup.errors import GensupError

B, D, C, K = 6, 5, 4, 3
RNG = np.random.default_rng(1)
X = RNG.normal(size=(B, D))
HARD = np.eye(C)[RNG.integers(C, size=B)]
MIXED = 0.7 * HARD + 0.3 * np.eye(C)[RNG.integers(C, size=B)]
SETTINGS = HeadSettings(centres=K, margin=0.4)


def head(name: str, settings: HeadSettings = SETTINGS) -> Any:
    made = LOSSES.load(name)(D, C, settings, torch.Generator().manual_seed(0)).double()
    return made.train()


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def entropy(p: np.ndarray, y: np.ndarray) -> float:
    return float(-(y * np.log(p)).sum(axis=1).mean())


def arc(cos: np.ndarray, y: np.ndarray, s: float, m: float) -> float:
    total = 0.0
    for row, target in zip(cos, y, strict=True):
        for c, share in enumerate(target):
            if share:
                logits = s * row
                angle = np.arccos(row[c])
                logits[c] = s * (np.cos(angle + m) if angle < pi - m else row[c] - m * np.sin(m))
                total -= share * np.log(softmax(logits[None])[0, c])
    return total / len(cos)


UNEVEN = (1, K, 2, 1)  # centres of one class after another


def uneven(name: str, weight: np.ndarray, y: np.ndarray) -> float:
    """As ``expected``, class by class, where each has centres of its own number."""
    x, centres = unit(X), np.split(unit(weight), np.cumsum(UNEVEN)[:-1])
    if name == "ada-proj":
        projected = [x @ own.T @ own for own in centres]
        logits = np.stack([(x * unit(p)).sum(axis=1) for p in projected], axis=1)
        return entropy(softmax(sqrt(2) * log(C - 1) * logits), y)
    if name == "sub-centre-arc-face":
        return arc(np.stack([(x @ own.T).max(axis=1) for own in centres], axis=1), y, 30, 0.4)
    p = softmax(sqrt(2) * log(sum(UNEVEN) - 1) * np.hstack([x @ own.T for own in centres]))
    return entropy(np.stack([own.sum(axis=1) for own in np.split(p, np.cumsum(UNEVEN)[:-1], axis=1)], axis=1), y)


def expected(name: str, weight: np.ndarray, y: np.ndarray, scale: float | None = None) -> float:
    x, w = unit(X), unit(weight)
    cos = x @ w.T
    if name == "ada-cos":
        return entropy(softmax((scale or sqrt(2) * log(C - 1)) * cos), y)
    if name == "sub-cluster-ada-cos":
        p = softmax((scale or sqrt(2) * log(C * K - 1)) * cos)
        return entropy(p.reshape(B, C, K).sum(axis=2), y)
    if name == "arc-face":
        return arc(cos, y, 30, 0.4)
    if name == "sub-centre-arc-face":
        return arc(cos.reshape(B, C, K).max(axis=2), y, 30, 0.4)
    assert name == "ada-proj"
    logits = np.empty((B, C))
    for c in range(C):
        basis = w.reshape(C, K, D)[c]
        logits[:, c] = (x * unit((x @ basis.T) @ basis)).sum(axis=1)
    return entropy(softmax(sqrt(2) * log(C - 1) * logits), y)


@pytest.mark.parametrize("name", LOSSES.names())
@pytest.mark.parametrize("y", [HARD, MIXED], ids=["hard", "mixed"])
def test_the_formula_and_its_gradient(name: str, y: np.ndarray) -> None:
    loss = head(name)
    x, targets = torch.tensor(X, requires_grad=True), torch.tensor(y)
    np.testing.assert_allclose(loss(x, targets).item(), expected(name, loss.weight.detach().numpy(), y), rtol=1e-6)
    assert torch.autograd.gradcheck(lambda e: loss(e, targets), (x,), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", ["sub-centre-arc-face", "sub-cluster-ada-cos", "ada-proj"])
def test_each_class_may_have_its_own_number_of_centres(name: str) -> None:
    loss = head(name, HeadSettings(centres=UNEVEN, margin=0.4))
    x, targets = torch.tensor(X, requires_grad=True), torch.tensor(MIXED)
    np.testing.assert_allclose(loss(x, targets).item(), uneven(name, loss.weight.detach().numpy(), MIXED), rtol=1e-6)
    assert torch.autograd.gradcheck(lambda e: loss(e, targets), (x,), eps=1e-6, atol=1e-5)
    loss(x, targets).backward()
    assert (loss.weight.grad.abs().sum(dim=1) > 0).sum() >= C  # each class learns by its own rows
    blocks = LOSSES.load(name)(D, 2 * C, HeadSettings(centres=UNEVEN))  # of augmentation: the same once more
    assert len(blocks.weight) == 2 * sum(UNEVEN)
    for wrong in ((1, 2, 3), (1, 0, 2, 1), ()):
        with pytest.raises(GensupError, match="centres of other classes"):
            LOSSES.load(name)(D, C, HeadSettings(centres=wrong))


def test_sub_centre_arc_face_of_single_centres_is_arc_face() -> None:
    ones = head("sub-centre-arc-face", HeadSettings(centres=(1,) * C, margin=0.4))
    plain = head("arc-face", HeadSettings(margin=0.4))
    values = []
    for loss in (ones, plain):
        x = torch.tensor(X, requires_grad=True)
        value = loss(x, torch.tensor(MIXED))
        value.backward()
        values.append((value.item(), x.grad, loss.weight.grad))
    assert values[0][0] == values[1][0]
    torch.testing.assert_close(values[0][1:], values[1][1:], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["ada-cos", "sub-cluster-ada-cos"])
def test_the_scale_follows_the_batch(name: str) -> None:
    loss = head(name, HeadSettings(centres=K, dynamic=True))
    w, before = unit(loss.weight.detach().numpy()), loss.scale.item()
    cos = unit(X) @ w.T
    if name == "ada-cos":
        b = np.mean([np.exp(before * row[y == 0]).sum() for row, y in zip(cos, HARD, strict=True)])
        angles = np.arccos((cos * HARD).sum(axis=1))
    else:
        b = np.exp(before * cos).sum(axis=1).mean()
        angles = (np.arccos(cos).reshape(B, C, K).mean(axis=2) * HARD).sum(axis=1)
    median = np.sort(angles)[(B - 1) // 2]  # torch takes the lower one of two in the middle
    scale = np.log(b) / np.cos(min(pi / 4, median))
    value = loss(torch.tensor(X), torch.tensor(HARD)).item()
    np.testing.assert_allclose(loss.scale.item(), scale, rtol=1e-6)
    np.testing.assert_allclose(value, expected(name, loss.weight.detach().numpy(), HARD, scale), rtol=1e-6)
    loss.eval()(torch.tensor(X), torch.tensor(HARD))
    assert loss.scale.item() == pytest.approx(scale)  # nothing follows what is not trained on


@pytest.mark.parametrize("name", LOSSES.names())
def test_it_pulls_classes_together(name: str) -> None:
    torch.manual_seed(0)
    loss = LOSSES.load(name)(16, C, SETTINGS, torch.Generator().manual_seed(0))
    x = torch.nn.Parameter(torch.randn(40, 16))
    y = torch.eye(C)[torch.arange(40) % C]
    optimiser = torch.optim.Adam([x, *loss.parameters()], lr=0.05)
    first = loss(x, y).item()
    for _ in range(60):
        optimiser.zero_grad()
        value = loss(x, y)
        value.backward()
        optimiser.step()
    assert value.item() < 0.7 * first
    away = torch.nn.functional.normalize(x.detach(), dim=1)
    nearest = (away @ away.T).fill_diagonal_(-2).argmax(dim=1)
    assert (nearest % C == torch.arange(40) % C).float().mean() > 0.9


@pytest.mark.parametrize("name", LOSSES.names())
def test_centres_may_stay(name: str) -> None:
    loss = head(name, HeadSettings(centres=2, trainable=False))
    assert not [p for p in loss.parameters() if p.requires_grad]
    with pytest.raises(GensupError, match="one class only"):
        LOSSES.load(name)(D, 1, SETTINGS)


def test_the_margin_is_the_own_classs_and_of_training_only() -> None:
    arcface = head("arc-face")
    x, y = torch.tensor(X), torch.tensor(HARD)
    with_margin = arcface(x, y).item()
    assert with_margin > arcface.eval()(x, y).item()
    plain = arc(unit(X) @ unit(arcface.weight.detach().numpy()).T, HARD, 30, 0.0)
    np.testing.assert_allclose(arcface(x, y).item(), plain, rtol=1e-6)
