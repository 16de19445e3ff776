"""Spectra of sounds, by SciPy alone: a worker starts in a third of a second because it need not load torch."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.sparse import csr_array

POWER_FLOOR = 1e-10  # torchaudio.transforms.AmplitudeToDB's amin: -100 dB
FRAMES_AT_ONCE = 64  # a whole clip's spectrum would be fetched from the system and handed back for every clip


def log_mel(
    samples: NDArray[np.floating], rate: int, *, n_fft: int = 1024, hop: int = 512, n_mels: int = 128
) -> NDArray[np.floating]:
    """Log-mel spectrogram in dB, (frames, n_mels), in the precision of ``samples`` (samples,).

    Periodic Hann window of ``n_fft`` samples, centred frames with reflected edges, power spectrum, HTK mel filters of
    peak one from 0 Hz to half the rate, 10 log10 with a floor at -100 dB: what
    ``torchaudio.transforms.MelSpectrogram`` and ``AmplitudeToDB(stype="power")`` compute with their defaults.

    Raises:
        ValueError: ``samples`` are fewer than reflection needs, ``n_fft // 2 + 1``.
    """
    half = n_fft // 2
    if len(samples) <= half:
        raise ValueError(f"{len(samples)} samples are too few for n_fft {n_fft}: reflection needs more than {half}")
    dtype = samples.dtype
    padded = np.pad(samples, half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = _hann(n_fft).astype(dtype)
    filters = _sparse_filters(n_fft // 2 + 1, n_mels, rate, dtype)
    mel = np.empty((n_mels, len(frames)), dtype)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        block = slice(start, start + FRAMES_AT_ONCE)
        spectrum = rfft(frames[block] * window, axis=1)
        mel[:, block] = filters @ (spectrum.real**2 + spectrum.imag**2).T
    return np.asarray(10 * np.log10(np.maximum(mel, dtype.type(POWER_FLOOR))), dtype=dtype).T


@cache
def mel_filters(n_bins: int, n_mels: int, rate: int) -> NDArray[np.float64]:
    """Triangular HTK mel filters of peak one, (n_bins, n_mels), from 0 Hz to half the rate.

    Mel: 2595 log10(1 + f / 700) (Young et al., The HTK Book). Bin i lies at i * (rate // 2) / (n_bins - 1) Hz.
    """
    bins_hz = np.linspace(0, rate // 2, n_bins)
    mels = np.linspace(0, 2595 * np.log10(1 + (rate / 2) / 700), n_mels + 2)
    edges_hz = 700 * (10 ** (mels / 2595) - 1)
    rising = (bins_hz[:, None] - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz[:, None]) / (edges_hz[2:] - edges_hz[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


@cache
def _sparse_filters(n_bins: int, n_mels: int, rate: int, dtype: np.dtype[np.floating]) -> csr_array:
    """``mel_filters`` transposed, (n_mels, n_bins): a bin is in two filters, so 98 of 100 factors are zeros."""
    return csr_array(mel_filters(n_bins, n_mels, rate).T.astype(dtype))


@cache
def _hann(n: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
