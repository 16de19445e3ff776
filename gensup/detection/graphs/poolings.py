"""Poolings of tensors: what each ``pool_many`` does, in the same precision."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from gensup.detection.averages import FLOOR, Negative, Over
from gensup.detection.pooling.gem import Gem
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.pooling.max import Max
from gensup.detection.pooling.mean import Mean
from gensup.detection.pooling.rdp import Rdp
from gensup.detection.pooling.rdp_gem import RdpGem


@singledispatch
def pooled(pooling: object, tokens: Tensor) -> Tensor:
    """(dim,) of tokens (time, freq, dim)."""
    raise TypeError(f"no graph of {pooling}")


@pooled.register
def _mean(pooling: Mean, tokens: Tensor) -> Tensor:
    return _rows(tokens, pooling.over).mean(dim=0).float()


@pooled.register
def _max(pooling: Max, tokens: Tensor) -> Tensor:
    return _rows(tokens, pooling.over).amax(dim=0).float()


@pooled.register
def _gwrp(pooling: Gwrp, tokens: Tensor) -> Tensor:
    rows = _rows(tokens, pooling.over).sort(dim=0, descending=True).values
    places = torch.arange(len(rows), dtype=torch.float64)
    weights = torch.full_like(places, pooling.decay) ** places
    return (weights @ rows / weights.sum()).float()


@pooled.register
def _gem(pooling: Gem, tokens: Tensor) -> Tensor:
    rows = _rows(tokens, pooling.over)
    weights = torch.full((len(rows),), 1 / len(rows), dtype=torch.float64)
    return _power_mean(rows, weights, pooling.p, pooling.negative).float()


@pooled.register
def _rdp(pooling: Rdp, tokens: Tensor) -> Tensor:
    rows = _rows(tokens, pooling.over)
    return (_deviation_weights(rows, pooling.gamma) @ rows).float()


@pooled.register
def _rdp_gem(pooling: RdpGem, tokens: Tensor) -> Tensor:
    rows = _rows(tokens, pooling.over)
    return _power_mean(rows, _deviation_weights(rows, pooling.gamma), pooling.p, pooling.negative).float()


def _rows(tokens: Tensor, over: Over) -> Tensor:
    """(n, dim) in double precision, see ``averages.rows``."""
    wide = tokens.double()
    if over == "time":
        return wide.flatten(1)
    return wide.flatten(0, 1) if over == "both" else wide.transpose(0, 1).flatten(1)


def _deviation_weights(rows: Tensor, gamma: float) -> Tensor:
    """(n,), see ``averages.deviation_weights``."""
    distance = (rows - rows.mean(dim=0)).square().sum(dim=1).sqrt()
    most = distance.max()
    apart = most > 0  # otherwise all rows are equal
    powers = torch.where(apart, distance / torch.where(apart, most, 1.0), 0.0) ** gamma
    total = powers.sum()
    some = total > 0
    return torch.where(some, powers / torch.where(some, total, 1.0), 1 / len(rows))


def _power_mean(rows: Tensor, weights: Tensor, p: float, negative: Negative) -> Tensor:
    """(dim,), see ``averages.power_mean``."""
    if negative == "clamp":
        clamped = rows.clamp(min=FLOOR)
        largest = clamped.amax(dim=0)
        return largest * (weights @ (clamped / largest) ** p) ** (1 / p)
    mean = weights @ (rows.sign() * rows.abs() ** p)
    return mean.sign() * mean.abs() ** (1 / p)
