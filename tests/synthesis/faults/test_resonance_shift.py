"""Detuning: resonances move, lines do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from gensup.audio.profile import measure
from gensup.synthesis.faults.resonance_shift import ResonanceShift

RATE = 16_000
FAULT = ResonanceShift(severity=1.0, seed=0, direction="lower", shift_percent=8.0, low_hz=200.0, high_hz=7200.0)
T = np.arange(10 * RATE) / RATE


def ringing_noise(resonance_hz: float = 2000.0, damping: float = 0.05) -> np.ndarray:
    """Noise through a mode, (1, samples), and a tone on its flank."""
    w = 2 * np.pi * resonance_hz / RATE
    r = np.exp(-damping * w)
    noise = np.random.default_rng(0).standard_normal(len(T))
    clip = lfilter([1], [1, -2 * r * np.cos(w), r**2], noise) + 5 * noise
    return np.asarray(0.005 * clip, dtype=np.float32)[None]


def spectrum(clip: np.ndarray) -> np.ndarray:
    """Power in bins of 10 Hz, smoothed over 70 Hz."""
    power = np.abs(np.fft.rfft(clip[0]))[:-1] ** 2
    return np.convolve(power.reshape(-1, 100).mean(axis=1), np.ones(7) / 7, mode="same")


@pytest.mark.parametrize(
    ("severity", "direction", "ratio"),
    [(0.5, "lower", 0.96), (1.0, "lower", 0.92), (2.0, "lower", 0.84), (1.0, "higher", 1.08), (20.0, "lower", 0.6)],
)
def test_the_resonance_moves_by_the_share(severity: float, direction: str, ratio: float) -> None:
    made = replace(FAULT, severity=severity, direction=direction).apply(ringing_noise(), RATE)
    assert np.argmax(spectrum(made)) / np.argmax(spectrum(ringing_noise())) == pytest.approx(ratio, abs=0.02)


def test_lines_keep_their_place() -> None:
    tone = (0.05 * np.sin(2 * np.pi * 1700 * T)).astype(np.float32)[None]
    before, after = (np.abs(np.fft.rfft((f.apply(ringing_noise() + tone, RATE))[0])) for f in (
        replace(FAULT, severity=0.0), FAULT
    ))  # fmt: skip
    assert np.argmax(before) == np.argmax(after) == 17_000
    # No line where the tone would be if it went with the resonance, nor a notch where it stands.
    moved = round(17_000 * 0.92)
    assert after[moved - 200 : moved + 200].max() < 0.1 * after[17_000]
    assert 0.5 < after[17_000] / before[17_000] < 2.5


def test_a_body_without_resonances_stays() -> None:
    flat = (0.01 * np.random.default_rng(0).standard_normal((1, len(T)))).astype(np.float32)
    change = FAULT.apply(flat, RATE) - flat
    assert np.std(change) < 0.06 * np.std(flat)


def test_below_its_band_nothing_changes() -> None:
    clip = ringing_noise(600.0)
    made = replace(FAULT, low_hz=1500.0).apply(clip, RATE)
    assert spectrum(made)[:140] == pytest.approx(spectrum(clip)[:140], rel=1e-3)


def test_a_band_beyond_the_rate() -> None:
    profile = measure([ringing_noise()], RATE)
    assert ResonanceShift.inapplicable(profile, {"low_hz": [6500, 9000]}) is not None
    drawn = ResonanceShift.draw(profile, {}, 1.0, np.random.default_rng(0))
    assert drawn.high_hz == 0.45 * RATE
