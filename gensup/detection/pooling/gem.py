"""Generalised mean: a power mean, between the mean (p = 1) and the maximum (Radenovic et al., TPAMI 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gensup.detection.averages import Negative, Over, check_power, power_mean, rows
from gensup.detection.parts import Tokens, Vectors


@dataclass(frozen=True, slots=True)
class Gem:
    """The mean of p-th powers, and its p-th root."""

    p: float = 3.0
    over: Over = "both"
    negative: Negative = "clamp"

    name: ClassVar[str] = "gem"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_power(self.p)

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        found = []
        for config in configs:
            frames = rows(tokens, config.over).astype(np.float64)
            found.append(power_mean(frames, np.full(len(frames), 1 / len(frames)), config.p, config.negative))
        return [vector.astype(np.float32) for vector in found]
