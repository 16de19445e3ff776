"""A clip's spectrum as the machine's body shapes it, smooth and without lines; and clips through a gain over Hz."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    from gensup.audio.files import Audio

SEGMENT = 4096
LINE_HZ = 30.0  # what is narrower is a line


def spectrum_db(audio: Audio, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies (bins,) and mean power in dB (channels, bins) of half-overlapping segments (Welch, 1967)."""
    size = min(SEGMENT, audio.shape[1])
    segments = np.lib.stride_tricks.sliding_window_view(audio, size, axis=1)[:, :: max(1, size // 2)]
    spectra = rfft(segments * np.blackman(size + 2)[1:-1].astype(np.float32), axis=2)
    power = np.mean(spectra.real**2 + spectra.imag**2, axis=1, dtype=np.float64)
    # 100 dB under a channel's loudest bin nothing shapes what is heard; a silent channel is flat.
    floor = np.maximum(1e-10 * power.max(axis=1, keepdims=True), 1e-30)
    level_db = np.asarray(10 * np.log10(np.maximum(power, floor)), dtype=np.float64)
    return np.arange(size // 2 + 1) * (rate / size), level_db


def body_db(audio: Audio, rate: int, octaves: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As ``spectrum_db``, without lines and smoothed over ``octaves``: what resonances and flow leave of it.

    A running median takes lines out, two running means smooth; none is narrower than a line.
    """
    frequencies, level_db = spectrum_db(audio, rate)
    if len(frequencies) < 3:
        return frequencies, np.zeros_like(level_db)
    step = float(frequencies[1])
    smooth = median_filter(level_db, size=(1, 2 * round(LINE_HZ / step) + 1), mode="nearest")
    half = np.maximum(np.maximum(frequencies * octaves, LINE_HZ) / (2 * step), 1).astype(np.int64)
    bins = np.arange(len(frequencies))
    # Both sides as wide as the narrower: a mean that leans to one side at the edges would bend the slope there.
    half = np.minimum(half, np.minimum(bins, bins[::-1]))
    for _ in range(2):
        sums = np.concatenate([np.zeros((len(smooth), 1)), np.cumsum(smooth, axis=1)], axis=1)
        smooth = (sums[:, bins + half + 1] - sums[:, bins - half]) / (2 * half + 1)
    return frequencies, smooth


def through(
    audio: Audio, rate: int, gain_db: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float32]:
    """What a zero-phase gain, dB over Hz, adds to ``audio``: nothing at all where it is 0 dB.

    ``gain_db`` gets frequencies (bins,) and gives (bins,) or (channels, bins).
    """
    samples = audio.shape[1]
    size = next_fast_len(samples + rate // 10, real=True)  # the filter rings into the padding, not around
    frequencies = np.arange(size // 2 + 1, dtype=np.float64) * (rate / size)
    change = (10 ** (gain_db(frequencies) / 20) - 1).astype(np.float32)
    return np.asarray(irfft(rfft(audio, size, axis=1) * change, size, axis=1)[:, :samples], dtype=np.float32)
