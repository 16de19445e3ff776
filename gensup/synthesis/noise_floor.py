"""A clip's noise floor: what is left between its tones and its events, and how to raise or lower it alone."""

from __future__ import annotations

from itertools import pairwise
from math import log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter

from gensup.synthesis.frames import Frames

if TYPE_CHECKING:
    from gensup.audio.files import Audio

# A tone hides the floor from short frames, a knock hides it from long ones.
FRAMES_S = (0.032, 0.512)
QUANTILE = 0.1  # so many of a band's cells, at least, hold nothing but the floor
BAND_OCTAVES, BAND_HZ = 1 / 3, 100.0  # a band's width, and its least width
HOP_S = 0.016
HEADROOM = 2.0  # even smoothed, noise exceeds its mean power now and then: up to here it is the floor
NOTHING = 1e-30


def floor_power(audio: Audio, rate: int, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """(channels, frequencies) variance of the white noise that is as strong as the floor at each frequency (Hz).

    A low quantile over the cells of a third of an octave, over what that quantile is of an exponential distribution of
    mean one, which the power of Gaussian noise follows (Martin, IEEE T-SAP 9, 2001, tracks the minimum likewise). Of
    short and long frames the lower one holds. Where tones or events take a share of the cells, that share is missing
    below the quantile: a tenth of them makes the floor half a decibel too loud. A clip that rests has its rest's floor,
    one that is silent for long none.
    """
    samples = audio.shape[1]
    estimates = [_estimate(audio, rate, min(round(seconds * rate), samples), frequencies) for seconds in FRAMES_S]
    return np.asarray(np.minimum(*estimates))


def raised(audio: Audio, rate: int, power_db: float, seed: int) -> NDArray[np.float64]:
    """What makes the floor ``power_db`` (> 0) louder: stationary noise like it, (channels, samples), to be added."""
    samples = audio.shape[1]
    size = next_fast_len(samples, real=True)
    noise = rfft(np.random.default_rng(seed).standard_normal((len(audio), size)), axis=1)
    power = floor_power(audio, rate, np.arange(size // 2 + 1) * (rate / size)) * (10 ** (power_db / 10) - 1)
    return np.asarray(irfft(noise * np.sqrt(power), size, axis=1)[:, :samples])


def lowered(audio: Audio, rate: int, power_db: float) -> NDArray[np.float32]:
    """What makes the floor ``power_db`` (< 0) louder, (channels, samples), to be added; nothing where it is 0 dB.

    A Wiener filter on power spectra, smoothed over five frames and three bins, that takes no more than the share it
    should: cells near the floor lose all of that share, cells far above it next to nothing.
    """
    hop = max(1, round(HOP_S * rate))
    frames = Frames.of(audio.shape[1], hop)
    floor = floor_power(audio, rate, np.arange(2 * hop + 1, dtype=np.float64) * (rate / (4 * hop))) * float(
        frames.energy
    )
    taken = 1 - 10 ** (power_db / 10)
    change = np.zeros_like(audio)
    for channel, samples in enumerate(audio):
        spectra = frames.spectra(samples)
        power = uniform_filter(spectra.real**2 + spectra.imag**2, (5, 3), mode="nearest")
        near = np.minimum(1, HEADROOM * floor[channel].astype(np.float32) / np.maximum(power, np.float32(NOTHING)))
        gain = np.sqrt(1 - np.float32(taken) * near)
        change[channel] = frames.sound(np.ones(frames.count, dtype=np.bool_), spectra * (gain - 1))
    return change


def _estimate(audio: Audio, rate: int, size: int, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    parts = np.lib.stride_tricks.sliding_window_view(audio, size, axis=1)[:, :: max(1, size // 2)]
    spectra = rfft(parts * window, axis=2)
    power = (spectra.real**2 + spectra.imag**2) / np.float32(np.sum(window**2))
    hz = np.arange(size // 2 + 1) * (rate / size)
    centres, levels = [], []
    for low, high in pairwise(_edges(rate)):
        inside = (hz >= low) & (hz < high)
        inside[:2] = False  # no noise, but the converter's offset
        if inside.any():
            cells = power[:, :, inside].reshape(len(audio), -1)
            centres.append((low + high) / 2)
            levels.append(np.quantile(cells, QUANTILE, axis=1) / -log(1 - QUANTILE))
    if not levels:
        return np.zeros((len(audio), len(frequencies)))
    logs = np.log(np.maximum(np.stack(levels, axis=1, dtype=np.float64), NOTHING))
    floor = np.exp(np.stack([np.interp(frequencies, centres, channel) for channel in logs]))
    return np.asarray(np.where(floor > 2 * NOTHING, floor, 0.0))


def _edges(rate: int) -> list[float]:
    """Hz: bands of the least width, then, where that is wider, of a third of an octave, up to half the rate."""
    edges = [0.0]
    while edges[-1] < rate / 2:
        edges.append(min(max(edges[-1] + BAND_HZ, edges[-1] * 2**BAND_OCTAVES), rate / 2))
    return edges
