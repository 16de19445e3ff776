"""Clips of one length, as networks take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

ORDER = 4


def tiled(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """(length,): a shorter clip again and again, of a longer one the beginning."""
    return np.resize(samples, length) if len(samples) < length else samples[:length]


def high_passed(samples: NDArray[np.float32], rate: int, low: float) -> NDArray[np.float32]:
    """What lies above ``low`` Hz, by Butterworth's filter of fourth order; 0 leaves the clip as it is."""
    if not 0 < low < rate / 2:
        return samples
    return np.asarray(sosfilt(butter(ORDER, low, "highpass", fs=rate, output="sos"), samples), dtype=np.float32)
