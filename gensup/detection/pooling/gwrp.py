"""Global weighted ranking pooling over time (Kolesnikov & Lampert 2016; for sound Guan et al., ICASSP 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gensup.detection.parts import Tokens, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class Gwrp:
    """Each band's values sorted downwards over time, averaged with weights decay^0, decay^1, ...

    ``decay`` 1 is the mean and 0 the maximum (0^0 = 1).
    """

    decay: float = 1.0

    name: ClassVar[str] = "gwrp"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1:
            raise GensupError("out of range", where="pooling.decay", value=self.decay, rule="0 (maximum) to 1 (mean)")

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> Vectors:
        time = len(tokens.x)
        # One sort serves every decay, and one matrix product applies them all.
        ranked = -np.sort(-tokens.x.reshape(time, -1), axis=0)
        decays = np.array([config.decay for config in configs], dtype=np.float64)
        weights = decays[:, None] ** np.arange(time)
        weights /= weights.sum(axis=1, keepdims=True)
        # One product a decay: in a product of all of them a row's rounding depends on how many rows there are, and a
        # continued sweep would not end with the bytes of an uninterrupted one.
        wide = ranked.astype(np.float64)
        return np.stack([row @ wide for row in weights]).astype(np.float32)
