"""Tones: pitch, harmonics, level, wandering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.tone_added import ToneAdded

RATE = 16_000
SECONDS = 4
FAULT = ToneAdded(
    severity=1.0, seed=3, rate_hz=1000.0, harmonics=1, tilt_db=-6.0, wander_percent=0.0, wander_hz=2.0, phase_turns=0.1,
    level_db=0.0,
)  # fmt: skip


def noise(channels: int = 1) -> np.ndarray:
    scale = 0.01 * 2.0 ** np.arange(channels)[:, None]
    return (scale * np.random.default_rng(0).standard_normal((channels, SECONDS * RATE))).astype(np.float32)


def lines(fault: ToneAdded) -> np.ndarray:
    """Amplitude of each whole Hz of what it adds."""
    change = (fault.apply(noise(), RATE) - noise())[0]
    return np.abs(np.fft.rfft(change))[::SECONDS] * 2 / len(change)


def test_it_is_a_line_at_its_pitch() -> None:
    spectrum = lines(FAULT)
    assert np.argmax(spectrum) == 1000
    assert np.sum(spectrum**2) - spectrum[1000] ** 2 < 1e-5 * spectrum[1000] ** 2


@pytest.mark.parametrize(("severity", "level_db"), [(1.0, 0.0), (0.5, 0.0), (1.0, -12.0)])
def test_its_power_is_the_octave_s_background(severity: float, level_db: float) -> None:
    change = replace(FAULT, severity=severity, level_db=level_db).apply(noise(), RATE) - noise()
    # White noise: an octave about 1 kHz with its flanks holds 10 % of 8 kHz.
    expected = 0.01 * np.sqrt((1.1 * 1414 - 0.95 * 707) / 8000) * severity * 10 ** (level_db / 20)
    assert np.std(change) == pytest.approx(expected, rel=0.07)


def test_a_hum_has_harmonics_that_fall_by_the_octave() -> None:
    spectrum = lines(replace(FAULT, rate_hz=100.0, harmonics=6))
    assert [int(hz) for hz in np.sort(np.argsort(spectrum)[-6:])] == [100, 200, 300, 400, 500, 600]
    assert spectrum[200] / spectrum[100] == pytest.approx(0.5, rel=0.01)
    assert spectrum[400] / spectrum[200] == pytest.approx(0.5, rel=0.01)


def test_harmonics_end_below_half_the_rate() -> None:
    spectrum = lines(replace(FAULT, rate_hz=3000.0, harmonics=10))
    assert spectrum[6000] > 0.1 * spectrum[3000]
    spectrum[[3000, 6000]] = 0
    assert spectrum.max() < 1e-5


def test_the_pitch_wanders_as_far_as_said() -> None:
    change = (replace(FAULT, wander_percent=2.0).apply(noise(), RATE) - noise())[0]
    angle = np.unwrap(np.angle(analytic(change)))
    pitch = np.diff(angle)[500:-500] * RATE / (2 * np.pi)
    assert pitch.mean() == pytest.approx(1000, rel=0.02)
    assert 8 < pitch.std() < 30


def analytic(signal: np.ndarray) -> np.ndarray:
    spectrum = np.fft.fft(signal)
    spectrum[len(signal) // 2 :] = 0
    return np.asarray(np.fft.ifft(2 * spectrum))


def test_microphones_hear_one_source_each_at_its_own_level() -> None:
    change = FAULT.apply(noise(2), RATE) - noise(2)
    assert np.corrcoef(change)[0, 1] == pytest.approx(1, abs=1e-4)
    assert np.std(change[1]) / np.std(change[0]) == pytest.approx(2, rel=0.05)


def test_the_pitch_is_the_machine_s() -> None:
    profile = measure([noise()], RATE)
    said = {"timing": "shaft", "rate_hz": 30, "per_turn": 6}
    turning = replace(profile, shaft_hz=25.0)
    assert ToneAdded.draw(turning, said, 1.0, np.random.default_rng(0)).rate_hz == 150
    assert ToneAdded.draw(profile, said, 1.0, np.random.default_rng(0)).rate_hz == pytest.approx(180)
    assert ToneAdded.inapplicable(profile, {"rate_hz": [7500, 9000]}) is not None
    assert ToneAdded.inapplicable(profile, {}) is None
