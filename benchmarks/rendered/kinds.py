"""What a rendered machine is: how it is set in each domain, how it breaks, and what room it stands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np

from benchmarks.rendered.sounds import Signal
from gensup.clip import Domain


class Machine(Protocol):
    """What can be simulated."""

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        """One clip of the machine running, without its room."""
        ...


Setting: TypeAlias = tuple[tuple[str, str], ...]
"""Attributes as in a file name, in order."""
Breaks: TypeAlias = Callable[[Machine, float, np.random.Generator], Machine]
"""A machine, how far the fault has gone, and chance: the broken machine."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A way to break."""

    name: str
    breaks: Breaks
    like: tuple[str, ...]  # mechanisms of gensup/synthesis/faults that render something like it
    scale: float = 1.0  # of the grades: how far grade 1 goes on this machine in its room


@dataclass(frozen=True, slots=True)
class Kind:
    """A machine type, or one instance of it."""

    build: Callable[[Mapping[str, str]], Machine]
    settings: Mapping[Domain, tuple[Setting, ...]]
    failures: tuple[Failure, ...]
    room_db: float  # level of the room's noise, dB of full scale (RMS)
    bangs_hz: float  # how often something is dropped in the room

    def scaled(self, scales: Mapping[str, float]) -> Kind:
        """With failures that go so far, by name."""
        return replace(self, failures=tuple(replace(f, scale=scales.get(f.name, f.scale)) for f in self.failures))


def speeds(key: str, source: tuple[str, ...], target: tuple[str, ...]) -> dict[Domain, tuple[Setting, ...]]:
    """Settings of a machine that has one attribute."""
    return {"source": tuple(((key, v),) for v in source), "target": tuple(((key, v),) for v in target)}
