"""The moving average is its formula, and is lent to the model, not given."""

from __future__ import annotations

import numpy as np
import torch

from gensup.training.ema import Ema


def test_the_average_is_the_formula_with_its_warm_up() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    ema = Ema({"w": weight}, decay=0.25)
    expected = weight.detach().double().numpy()
    rng = np.random.default_rng(0)
    for n in range(1, 8):
        now = rng.standard_normal(2)
        with torch.no_grad():
            weight.copy_(torch.from_numpy(now))
        ema.update({"w": weight})
        kept = min(0.25, (1 + n) / (10 + n))
        expected = kept * expected + (1 - kept) * now
    np.testing.assert_allclose(ema.average["w"].numpy(), expected, rtol=1e-5)
    assert min(0.25, 2 / 11) != 0.25  # the warm-up was in it


def test_applied_gives_the_average_and_takes_it_back() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    ema = Ema({"w": weight}, decay=0.5)
    with torch.no_grad():
        weight.fill_(3.0)
    lent = ema.applied({"w": weight})
    lent.__enter__()
    assert weight.item() == 1.0
    error = RuntimeError("midway")
    assert not lent.__exit__(RuntimeError, error, None)  # it goes on its way
    assert weight.item() == 3.0
    assert weight.requires_grad


def test_a_restored_average_goes_on_as_the_first_would_have() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    ema = Ema({"w": weight})
    weight.data.fill_(2.0)
    ema.update({"w": weight})
    other = Ema({"w": weight})
    other.restore(ema.average, ema.updates)
    weight.data.fill_(5.0)
    for one in (ema, other):
        one.update({"w": weight})
    assert torch.equal(ema.average["w"], other.average["w"])
