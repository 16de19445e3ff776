"""The mean of all tokens, or over time alone (GenRep's temporal pooling: a vector for every band of patches)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gensup.detection.averages import Over, rows
from gensup.detection.parts import Tokens, Vectors


@dataclass(frozen=True, slots=True)
class Mean:
    """Saengthong & Shinozaki (ICASSP 2025) pool BEATs over time and keep its eight bands: ``over: time``."""

    over: Over = "both"

    name: ClassVar[str] = "mean"
    version: ClassVar[int] = 1

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        return [rows(tokens, c.over).mean(axis=0, dtype=np.float64).astype(np.float32) for c in configs]
