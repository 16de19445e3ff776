"""Mel spectra as librosa makes them (Slaney's scale, filters of equal area, edges of zeros): those of the baselines."""

from __future__ import annotations

from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

HZ_A_MEL = 200 / 3  # below 1 kHz
LINEAR_TO = 1000.0  # Hz
STEP = log(6.4) / 27  # of a mel above it, in natural logarithms of Hz


@cache
def slaney_filters(n_bins: int, n_mels: int, rate: int, low: float, high: float) -> NDArray[np.float64]:
    """(n_bins, n_mels) triangles of area one from ``low`` to ``high`` Hz, at most half the rate (Slaney, 1998)."""
    bins = np.linspace(0, rate / 2, n_bins)
    ends = _mel(low), _mel(min(high, rate / 2))
    edges = _hz(np.linspace(*ends, n_mels + 2))
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))


def power_mel(samples: NDArray[np.floating], rate: int, *, n_fft: int, hop: int, n_mels: int) -> NDArray[np.float32]:
    """(frames, n_mels) dB: 10 log10 of the power in each band, at least double precision's epsilon.

    Centred frames under a periodic Hann window; beyond its ends a clip is silent.
    """
    padded = np.pad(samples, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    filters = slaney_filters(n_fft // 2 + 1, n_mels, rate, 0.0, rate / 2)
    spectrum = rfft(frames * window.astype(samples.dtype), axis=1)
    mel = (spectrum.real**2 + spectrum.imag**2) @ filters
    return np.asarray(10 * np.log10(np.maximum(mel, np.finfo(np.float64).eps)), dtype=np.float32)


def _mel(hz: float) -> float:
    return hz / HZ_A_MEL if hz < LINEAR_TO else LINEAR_TO / HZ_A_MEL + log(hz / LINEAR_TO) / STEP


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bend = LINEAR_TO / HZ_A_MEL
    return np.where(mel < bend, mel * HZ_A_MEL, LINEAR_TO * np.exp(STEP * (np.maximum(mel, bend) - bend)))
