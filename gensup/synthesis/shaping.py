"""What mechanisms share: adding a change exactly, bands of a clip, noise and ringing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

if TYPE_CHECKING:
    from gensup.audio.files import Audio

TOP = 0.45  # of the rate: above it lies the anti-aliasing filter of whatever recorded the clip
BLOCK_S = 0.05


def too_high(range_hz: tuple[float, float], share: float, rate: int) -> str | None:
    """Why a quantity drawn from ``range_hz`` cannot lie below ``share`` of the rate (Hz); None when it can."""
    lowest, _ = range_hz
    return None if lowest <= share * rate else f"it lies above {lowest:g} Hz, too high for {rate} Hz"


def added(audio: Audio, change: NDArray[np.floating]) -> Audio:
    """``audio + change`` as a new array; where the change is zero, the very bits of ``audio``, even of a minus zero."""
    changed = audio + change.astype(np.float32)
    return np.where(changed == audio, audio, changed).astype(np.float32, copy=False)


def band_part(audio: Audio, rate: int, low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """What of ``audio`` (channels, samples) lies between two frequencies, without delay."""
    samples = audio.shape[1]
    size = next_fast_len(
        samples + rate // 10, real=True
    )  # room for the filter's ringing, so that it does not wrap around
    gains = _band_gains(size, rate, low_hz, high_hz)
    return np.asarray(irfft(rfft(audio, size, axis=1) * gains, size, axis=1)[:, :samples], dtype=np.float32)


def band_level(audio: Audio, rate: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Background RMS of each channel between two frequencies, (channels, 1).

    The median over blocks of 50 ms, because what stands between a machine's knocks is what masks a new sound; at least
    a tenth of the RMS over all, so that a machine that rests most of the time has a level too.
    """
    power = np.square(band_part(audio, rate, low_hz, high_hz), dtype=np.float64)
    overall = power.mean(axis=1, keepdims=True)
    block = max(1, round(BLOCK_S * rate))
    whole = power.shape[1] // block
    if not whole:
        return np.asarray(np.sqrt(overall))
    blocks = power[:, : whole * block].reshape(len(power), whole, block).mean(axis=2)
    return np.asarray(np.sqrt(np.maximum(np.median(blocks, axis=1, keepdims=True), overall / 100)))


def band_noise(
    samples: int, rate: int, low_hz: float, high_hz: float, tilt_db: float, seed: int
) -> NDArray[np.float32]:
    """Gaussian noise of RMS one between two frequencies, falling or rising by ``tilt_db`` an octave, (samples,)."""
    size = next_fast_len(samples, real=True)
    bins = size // 2 + 1
    normal = np.random.default_rng(seed).standard_normal((2, bins), dtype=np.float32)
    gains = _band_gains(size, rate, low_hz, high_hz)
    if tilt_db:
        frequencies = np.maximum(np.arange(bins), 1) * (rate / size)
        gains = gains * ((frequencies / np.sqrt(low_hz * high_hz)) ** (tilt_db / (20 * np.log10(2)))).astype(np.float32)
    noise = irfft((normal[0] + 1j * normal[1]) * gains, size)[:samples]
    rms = float(np.sqrt(np.mean(np.square(noise, dtype=np.float64))))
    return np.asarray(noise / np.float32(rms) if rms else noise, dtype=np.float32)


def ringing(rate: int, ring_hz: float, second: float, decay_ms: float) -> NDArray[np.float64]:
    """Impulse response of two damped modes, ``ring_hz`` and ``second`` times it 6 dB lower; its largest sample is one.

    exp(-t / decay) sin(2 pi f t) a mode (Randall & Antoni, MSSP 25, 2011); the higher mode decays faster by the same
    damping ratio.
    """
    decay_s = decay_ms / 1000
    t = np.arange(max(2, round(7 * decay_s * rate))) / rate
    response = np.exp(-t / decay_s) * np.sin(2 * np.pi * ring_hz * t)
    if second * ring_hz < TOP * rate:
        response += 0.5 * np.exp(-t * second / decay_s) * np.sin(2 * np.pi * second * ring_hz * t)
    peak = np.abs(response).max()
    return np.asarray(response / peak if peak else response)


def _band_gains(size: int, rate: int, low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """(size // 2 + 1,) one between the frequencies; raised-cosine flanks, a tenth of the edge wide, outside of them."""
    frequencies = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(rate / size)
    rising = _flank((frequencies - 0.9 * low_hz) / (0.1 * low_hz)) if low_hz > 0 else np.ones_like(frequencies)
    falling = _flank((1.1 * high_hz - frequencies) / (0.1 * high_hz))
    return np.asarray(rising * falling, dtype=np.float32)


def _flank(position: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(0.5 - 0.5 * np.cos(np.float32(np.pi) * np.clip(position, 0, 1)), dtype=np.float32)
