"""Modulation: sidebands, depth, bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.envelope_modulation import EnvelopeModulation

RATE = 16_000
SECONDS = 4
T = np.arange(SECONDS * RATE) / RATE
TONE = (0.1 * np.sin(2 * np.pi * 1000 * T)).astype(np.float32)[None]
FAULT = EnvelopeModulation(
    severity=1.0, seed=0, rate_hz=20.0, depth=0.5, second_share=0.0, phase_turns=0.0, low_hz=0.0, high_hz=8000.0
)


def lines(clip: np.ndarray) -> np.ndarray:
    """Amplitude of each whole Hz."""
    return np.abs(np.fft.rfft(clip[0]))[::SECONDS] * 2 / clip.shape[1]


@pytest.mark.parametrize(("severity", "depth"), [(0.25, 0.125), (1.0, 0.5), (2.0, 1.0), (4.0, 1.0)])
def test_sidebands_stand_at_the_rate(severity: float, depth: float) -> None:
    spectrum = lines(replace(FAULT, severity=severity).apply(TONE, RATE))
    assert spectrum[1000] == pytest.approx(0.1, rel=1e-3)
    assert spectrum[980] == pytest.approx(0.05 * depth, rel=1e-3)
    assert spectrum[1020] == pytest.approx(0.05 * depth, rel=1e-3)
    assert spectrum[[960, 990, 1010, 1040]].max() < 1e-5


def test_the_power_grows_by_half_the_squared_depth() -> None:
    assert np.mean(FAULT.apply(TONE, RATE) ** 2) / np.mean(TONE**2) == pytest.approx(1 + 0.5**2 / 2, rel=1e-3)


def test_a_bent_shaft_has_twice_its_rate() -> None:
    spectrum = lines(replace(FAULT, second_share=0.5).apply(TONE, RATE))
    assert spectrum[1040] / spectrum[1020] == pytest.approx(0.5, rel=1e-3)
    assert spectrum[1020] == pytest.approx(0.05 * 0.5 / 1.5, rel=1e-3)


def test_only_its_band_is_modulated() -> None:
    two = TONE + (0.1 * np.sin(2 * np.pi * 3000 * T)).astype(np.float32)
    spectrum = lines(replace(FAULT, low_hz=2000.0, high_hz=4000.0).apply(two, RATE))
    assert spectrum[3020] == pytest.approx(0.025, rel=0.01)
    assert spectrum[1020] < 1e-4


def test_the_rate_is_the_machine_s() -> None:
    profile = measure([TONE], RATE)
    said = {"timing": "shaft", "rate_hz": 7}
    turning = replace(profile, shaft_hz=25.0)
    assert EnvelopeModulation.draw(turning, said, 1.0, np.random.default_rng(0)).rate_hz == 25
    assert EnvelopeModulation.draw(profile, said, 1.0, np.random.default_rng(0)).rate_hz == pytest.approx(7)
    assert EnvelopeModulation.inapplicable(profile, {"low_hz": [6000, 9000]}) is not None
