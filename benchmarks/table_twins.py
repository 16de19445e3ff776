"""Twins for machines that are only known as feature tables: faults in feature space, since there is no sound to break.

A twin is a held-out normal clip's standardised features with one thing done to them: a block raised or lowered, the
level, a tilt, the spread, a direction, the ties between features, a few spikes, or one step of the axis that is pooled
like time. What is done is drawn once a set and family and is the same for all clips; severity is in units of the normal
clips' own spread. Nothing is known of how these machines fail, so every family is generic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.rng import generator
from gensup.synthesis.plan import LADDER

Floats: TypeAlias = NDArray[np.float64]
"""Standardised tokens of one clip, (time, dim)."""

BLOCK = 6  # a block is one in so many features
SPIKES = 30  # one feature in so many is a spike
NUISANCE = 0.5  # of the spread of normal clips' levels: what a normal clip may do


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a family may use beside the clip: another normal clip of its fold, and chance."""

    other: Floats
    drawn: np.random.Generator  # the same draws for every clip and severity of a family
    own: np.random.Generator  # of the clip, the same for every severity


Breaks: TypeAlias = Callable[[Floats, float, Context], Floats]


@dataclass(frozen=True, slots=True)
class Family:
    """A generic failure in feature space."""

    name: str
    mechanism: str
    breaks: Breaks


def _block(sign: float) -> Breaks:
    def breaks(z: Floats, severity: float, given: Context) -> Floats:
        size = max(1, z.shape[1] // BLOCK)
        start = int(given.drawn.integers(z.shape[1] - size + 1))
        shift = np.zeros(z.shape[1])
        shift[start : start + size] = sign * severity
        return z + shift

    return breaks


def _level(sign: float) -> Breaks:
    return lambda z, severity, given: z + sign * severity / 2


def _tilt(sign: float) -> Breaks:
    return lambda z, severity, given: z + sign * severity * np.linspace(-1, 1, z.shape[1])


def _direction(z: Floats, severity: float, given: Context) -> Floats:
    return z + severity / 2 * given.drawn.standard_normal(z.shape[1])


def _spread(z: Floats, severity: float, given: Context) -> Floats:
    return z + severity / 2 * given.own.standard_normal(z.shape)


def _spread_block(z: Floats, severity: float, given: Context) -> Floats:
    size = max(1, z.shape[1] // BLOCK)
    start = int(given.drawn.integers(z.shape[1] - size + 1))
    noise = np.zeros(z.shape)
    noise[:, start : start + size] = given.own.standard_normal((len(z), size))
    return z + severity * noise


def _swapped(z: Floats, severity: float, given: Context) -> Floats:
    """Features of another normal clip in place of its own: each is normal, their company is not."""
    share = severity / (2 * (severity + 1))
    taken = given.drawn.permutation(z.shape[1]) < share * z.shape[1]
    return np.where(taken, given.other, z)


def _mirrored(z: Floats, severity: float, given: Context) -> Floats:
    """Features turned round their mean: each as probable as before, their correlations of the other sign."""
    share = severity / (2 * (severity + 1))
    taken = given.drawn.permutation(z.shape[1]) < share * z.shape[1]
    return np.where(taken, -z, z)


def _spikes(same: bool) -> Breaks:
    def breaks(z: Floats, severity: float, given: Context) -> Floats:
        rng = given.drawn if same else given.own
        spikes = np.zeros(z.shape[1])
        at = rng.permutation(z.shape[1])[: max(1, z.shape[1] // SPIKES)]
        spikes[at] = 3 * severity * rng.choice([-1, 1], len(at))
        return z + spikes

    return breaks


def _step(sign: float) -> Breaks:
    def breaks(z: Floats, severity: float, given: Context) -> Floats:
        shift = np.zeros((len(z), 1))
        shift[int(given.drawn.integers(len(z)))] = sign * 2 * severity
        return z + shift

    return breaks


FAMILIES = (
    Family("a-block-up", "block-up", _block(+1)),
    Family("another-block-up", "block-up", _block(+1)),
    Family("a-block-down", "block-down", _block(-1)),
    Family("another-block-down", "block-down", _block(-1)),
    Family("level-up", "level", _level(+1)),
    Family("level-down", "level", _level(-1)),
    Family("tilt-up", "tilt", _tilt(+1)),
    Family("tilt-down", "tilt", _tilt(-1)),
    Family("direction", "direction", _direction),
    Family("spread", "spread", _spread),
    Family("spread-of-a-block", "spread", _spread_block),
    Family("swapped", "correlation", _swapped),
    Family("mirrored", "correlation", _mirrored),
    Family("spikes", "spikes", _spikes(True)),
    Family("spikes-anywhere", "spikes", _spikes(False)),
)
OF_TIME = (
    Family("step-up", "step", _step(+1)),
    Family("step-down", "step", _step(-1)),
)


def families(time: int) -> tuple[Family, ...]:
    """Those that say something about clips of so many steps."""
    return (*FAMILIES, *OF_TIME) if time > 1 else FAMILIES


def twins(
    name: str, x: NDArray[np.float32], sources: Sequence[int], fold: NDArray[np.intp]
) -> dict[tuple[str, float], NDArray[np.float32]]:
    """(sources, time, dim) broken tokens by family and severity; ``x`` (clips, time, dim) are all training clips.

    The other clip of a source is of the source's own fold, so that no model that judges the twin has heard it.
    """
    mean, spread = standard(x)
    z = (x - mean) / spread
    made = {}
    for family in families(x.shape[1]):
        for severity in LADDER:
            broken = []
            for source in sources:
                others = np.flatnonzero((fold == fold[source]) & (np.arange(len(x)) != source))
                own = generator("table twin", name, family.name, source)
                other = z[own.choice(others)] if len(others) else z[source]
                drawn = generator("table family", name, family.name)
                broken.append(family.breaks(z[source].astype(np.float64), severity, Context(other, drawn, own)))
            made[family.name, severity] = np.asarray(np.stack(broken) * spread + mean, dtype=np.float32)
    return made


def nuisances(x: NDArray[np.float32], sources: Sequence[int]) -> Mapping[str, NDArray[np.float32]]:
    """Normal clips a little higher and lower in level, by as much as half of what normal clips' levels scatter."""
    mean, spread = standard(x)
    level = float(((x - mean) / spread).mean(axis=(1, 2)).std())
    chosen = x[list(sources)]
    return {
        name: np.asarray(chosen + sign * NUISANCE * level * spread, dtype=np.float32)
        for name, sign in (("higher", 1.0), ("lower", -1.0))
    }


def standard(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and spread of every feature over clips, (time, dim); a feature that never changes has spread 1."""
    wide = x.astype(np.float64)
    spread = wide.std(axis=0)
    return wide.mean(axis=0), np.where(spread > 0, spread, 1.0)
