"""What the rendered machines are made of: tones, wanderings, filters, impacts, and the room around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import oaconvolve

Signal: TypeAlias = NDArray[np.float64]
"""(samples,) sound pressure, full scale 1."""


def tone(turns: Signal, rng: np.random.Generator) -> Signal:
    """A cosine of these turns, from any phase."""
    return np.asarray(np.cos(2 * np.pi * (turns + rng.random())))


def slow(rng: np.random.Generator, samples: int, rate: int, corner_hz: float) -> Signal:
    """A wandering of standard deviation about one that changes no faster than ``corner_hz``."""
    points = rng.standard_normal(int(samples / rate * 2 * corner_hz) + 3)
    return np.asarray(np.interp(np.arange(samples) / rate * 2 * corner_hz, np.arange(len(points)), points))


def shaped(signal: Signal, rate: int, gain: Callable[[Signal], Signal]) -> Signal:
    """``signal`` through a filter of zero phase with this gain over frequency (Hz)."""
    size = next_fast_len(len(signal), real=True)
    return np.asarray(irfft(rfft(signal, size) * gain(np.arange(size // 2 + 1) * rate / size), size)[: len(signal)])


def modes(frequencies: Signal, modes_hz: tuple[float, ...], damping: float) -> Signal:
    """Gain of a casing: one, and a resonance of second order at each mode."""
    gain = np.ones_like(frequencies)
    for hz in modes_hz:
        ratio = (frequencies / hz) ** 2
        gain = gain + 0.25 * ratio / np.sqrt((1 - ratio) ** 2 + (2 * damping) ** 2 * ratio)
    return gain


def ring(modes_hz: tuple[float, ...], damping: float, rate: int, seconds: float = 0.06) -> Signal:
    """A struck body: A exp(-zeta w t) sin(w t) a mode (Randall & Antoni, MSSP 25, 2011), each later one fainter."""
    t = np.arange(int(seconds * rate)) / rate
    rings = [np.exp(-damping * 2 * np.pi * hz * t) * np.sin(2 * np.pi * hz * t) for hz in modes_hz]
    return np.asarray(sum((0.4**i * one for i, one in enumerate(rings)), start=np.zeros(len(t))))


def struck(times_s: Signal, strengths: Signal, body: Signal, samples: int, rate: int) -> Signal:
    """The body rung at these times, each as strongly; those outside the clip are not heard."""
    hits = np.zeros(samples)
    places = np.rint(times_s * rate).astype(int)
    inside = (places >= 0) & (places < samples)
    np.add.at(hits, places[inside], strengths[inside])
    return np.asarray(oaconvolve(hits, body)[:samples])


def crossings(turns: Signal, every: float, rate: int, at: float = 0.0) -> Signal:
    """Times (s) at which rising ``turns`` pass ``at`` + k ``every``."""
    passed = np.floor((turns - at) / every)
    return np.flatnonzero(np.diff(passed) > 0) / rate


def decibels(rng: np.random.Generator, count: int, spread_db: float) -> Signal:
    """(count,) factors whose levels scatter by ``spread_db``."""
    return np.asarray(10 ** (spread_db * rng.standard_normal(count) / 20))


def room(rng: np.random.Generator, samples: int, rate: int) -> Signal:
    """Pink noise of RMS one that swells and fades a little."""
    noise = shaped(rng.standard_normal(samples), rate, lambda f: 1 / np.sqrt(np.maximum(f, 40)))
    noise *= 1 + 0.15 * slow(rng, samples, rate, 0.8)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def bangs(rng: np.random.Generator, samples: int, rate: int, per_second: float) -> Signal:
    """Things that fall down in the room: short broadband bursts, each of another strength and length."""
    sound = np.zeros(samples)
    for _ in range(rng.poisson(per_second * samples / rate)):
        start = int(rng.integers(samples))
        t = np.arange(samples - start) / rate
        level = 10 ** (rng.uniform(-34, -16) / 20)
        sound[start:] += level * np.exp(-t / rng.uniform(0.01, 0.05)) * rng.standard_normal(len(t))
    return sound
