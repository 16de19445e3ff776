"""Impacts: when they fall and where that lands, and how loud what they strike rings over a clip's background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from gensup.synthesis.shaping import TOP, band_level, ringing

if TYPE_CHECKING:
    from gensup.audio.files import Audio

FULL_STRENGTH_HZ = 4.0


def enough(samples: int, rate: int, rate_hz: float) -> int:
    """How many waits surely fill a clip: twice the mean number and a few."""
    return int(2 * samples / rate * rate_hz) + 20


def slipping(
    draws: NDArray[np.float64], rate_hz: float, slip_percent: float, phase_turns: float
) -> NDArray[np.float64]:
    """Times (s) of events at a rate whose every wait slips by ``slip_percent`` (SD): what slips is not caught up again.

    ``draws`` are standard normal, one a wait (Randall & Antoni, MSSP 25, 2011). The first comes after ``phase_turns``.
    """
    waits = np.maximum(1 + slip_percent / 100 * draws, 0.2)
    waits[0] = phase_turns
    return np.asarray(np.cumsum(waits) / rate_hz)


def train(times_s: NDArray[np.float64], strengths: NDArray[np.float64], samples: int, rate: int) -> NDArray[np.float64]:
    """(samples,) the strength of each impact at the sample it falls on."""
    places = np.rint(times_s * rate).astype(np.int64)
    inside = places < samples
    struck = np.zeros(samples)
    np.add.at(struck, places[inside], strengths[inside])
    return struck


def rung(
    audio: Audio,
    rate: int,
    struck: NDArray[np.float64],
    *,
    ring_hz: float,
    second_ratio: float,
    decay_ms: float,
    level_db: float,
    per_second: float,
) -> NDArray[np.float64]:
    """(channels, samples) the ringing of every impact of ``struck``, ``level_db`` its peak for a strength of one.

    The level is over the clip's own background RMS in the octave around the ring, where up to four impacts come a
    second; more share the power of four, as they do when one source drives them.
    """
    samples = audio.shape[1]
    ring_hz = min(ring_hz, TOP * rate)
    sound = oaconvolve(struck, ringing(rate, ring_hz, second_ratio, decay_ms))[:samples]
    level = band_level(audio, rate, ring_hz / 2**0.5, min(ring_hz * 2**0.5, rate / 2)) * 10 ** (level_db / 20)
    return np.asarray(level * min(1.0, FULL_STRENGTH_HZ / per_second) ** 0.5 * sound)
