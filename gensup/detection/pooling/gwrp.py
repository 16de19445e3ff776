"""Global weighted ranking pooling over time (Kolesnikov & Lampert 2016; for sound Guan et al., ICASSP 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.averages import Over, rows
from gensup.detection.parts import Tokens, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class Gwrp:
    """Each band's values sorted downwards over time, averaged with weights decay^0, decay^1, ...

    ``decay`` 1 is the mean and 0 the maximum (0^0 = 1).
    """

    decay: float = 1.0
    over: Over = "time"

    name: ClassVar[str] = "gwrp"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1:
            raise GensupError("out of range", where="pooling.decay", value=self.decay, rule="0 (maximum) to 1 (mean)")

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        found: dict[int, Vectors] = {}
        for over in dict.fromkeys(config.over for config in configs):
            places = [i for i, config in enumerate(configs) if config.over == over]
            # One sort serves every decay.
            wide = np.sort(rows(tokens, over), axis=0).astype(np.float64)
            weights = _weights(tuple(configs[i].decay for i in places), len(wide))
            # One product a decay: in a product of all of them a row's rounding depends on how many rows there are, and
            # a continued sweep would not end with the bytes of an uninterrupted one.
            for place, row in zip(places, weights, strict=True):
                found[place] = (row @ wide).astype(np.float32)
        return [found[place] for place in range(len(configs))]


@lru_cache(maxsize=16)
def _weights(decays: tuple[float, ...], time: int) -> NDArray[np.float64]:
    """(decays, time), each row's sum 1, the smallest value's weight first: a sort rises."""
    weights = np.array(decays)[:, None] ** np.arange(time)[::-1]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
