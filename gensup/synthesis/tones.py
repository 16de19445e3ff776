"""Tones whose pitch wanders, and the harmonics above them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.synthesis.shaping import TOP


def wandering(samples: int, rate: int, corner_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(samples,) what wanders about zero, within about one, no faster than ``corner_hz``."""
    step = 2 * corner_hz / rate
    points = rng.standard_normal(int(samples * step) + 2)
    return np.asarray(np.interp(np.arange(samples) * step, np.arange(len(points)), points))


def harmonics(turns: NDArray[np.float64], amplitudes: Sequence[float]) -> NDArray[np.float64]:
    """(samples,) the sum of ``amplitudes[k - 1] * sin(2 pi k turns)``."""
    circle = np.exp(2j * np.pi * (turns % 1)).astype(np.complex64)
    power, total = circle, np.zeros(len(turns), dtype=np.float32)
    for k, amplitude in enumerate(amplitudes):
        if k:
            power = power * circle
        total += np.float32(amplitude) * power.imag
    return total.astype(np.float64)


def harmonics_below(rate: int, hz: float, most: int) -> int:
    """How many of ``most`` harmonics a clip of this rate holds, at least one."""
    return max(1, min(most, int(TOP * rate / hz)))
