"""The largest value of every dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from gensup.detection.averages import Over, rows
from gensup.detection.parts import Tokens, Vectors


@dataclass(frozen=True, slots=True)
class Max:
    """What sounds for a moment counts as much as what sounds all the time."""

    over: Over = "both"

    name: ClassVar[str] = "max"
    version: ClassVar[int] = 1

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        return [rows(tokens, config.over).max(axis=0) for config in configs]
