"""Relative deviation pooling: what deviates from the clip's mean weighs more (Wilkinghoff, Yadav & Tan, 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gensup.detection.averages import Over, check_gamma, deviation_weights, rows
from gensup.detection.parts import Tokens, Vectors


@dataclass(frozen=True, slots=True)
class Rdp:
    """Mean with weights that grow with the gamma-th power of a token's distance from the mean; gamma 0 is the mean."""

    gamma: float = 10.0
    over: Over = "both"

    name: ClassVar[str] = "rdp"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_gamma(self.gamma)

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        found = []
        for config in configs:
            frames = rows(tokens, config.over).astype(np.float64)
            found.append(deviation_weights(frames, config.gamma) @ frames)
        return [vector.astype(np.float32) for vector in found]
