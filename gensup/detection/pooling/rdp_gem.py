"""Relative deviation pooling with a power mean (Wilkinghoff, Yadav & Tan, 2026: BEATs with gamma 8 and p 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gensup.detection.averages import (
    Negative,
    Over,
    check_gamma,
    check_power,
    deviation_weights,
    power_mean,
    rows,
)
from gensup.detection.parts import Tokens, Vectors


@dataclass(frozen=True, slots=True)
class RdpGem:
    """The p-th root of the p-th powers' mean, with the weights of relative deviation pooling."""

    gamma: float = 8.0
    p: float = 3.0
    over: Over = "both"
    negative: Negative = "clamp"

    name: ClassVar[str] = "rdp-gem"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_gamma(self.gamma)
        check_power(self.p)

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        found = []
        for config in configs:
            frames = rows(tokens, config.over).astype(np.float64)
            weights = deviation_weights(frames, config.gamma)
            found.append(power_mean(frames, weights, config.p, config.negative))
        return [vector.astype(np.float32) for vector in found]
