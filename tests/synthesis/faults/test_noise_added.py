"""Noise: which band, how loud, how shaped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.noise_added import NoiseAdded

RATE = 16_000
FAULT = NoiseAdded(severity=1.0, seed=5, low_hz=2000.0, high_hz=4000.0, tilt_db=0.0, level_db=0.0)


def background(channels: int = 1) -> np.ndarray:
    scale = 0.01 * 2.0 ** np.arange(channels)[:, None]
    return (scale * np.random.default_rng(0).standard_normal((channels, 5 * RATE))).astype(np.float32)


def power(clip: np.ndarray, low_hz: float, high_hz: float) -> float:
    hz = np.fft.rfftfreq(clip.shape[-1], 1 / RATE)
    return float(np.sum(np.abs(np.fft.rfft(clip[0])[(hz >= low_hz) & (hz < high_hz)]) ** 2))


@pytest.mark.parametrize("severity", [0.5, 1.0, 2.0])
def test_the_band_rises_by_what_is_said(severity: float) -> None:
    before, after = background(), replace(FAULT, severity=severity).apply(background(), RATE)
    # Uncorrelated powers add.
    assert power(after, 2000, 4000) / power(before, 2000, 4000) == pytest.approx(1 + severity**2, rel=0.1)
    assert power(after, 100, 1700) / power(before, 100, 1700) == pytest.approx(1, abs=1e-3)
    assert power(after, 4500, 8000) / power(before, 4500, 8000) == pytest.approx(1, abs=1e-3)


def test_it_is_stationary() -> None:
    change = (FAULT.apply(background(), RATE) - background())[0]
    blocks = np.square(change).reshape(20, -1).mean(axis=1)
    assert blocks.max() / blocks.min() < 1.5


def test_the_tilt_is_an_octave_s() -> None:
    wide = replace(FAULT, low_hz=500.0, high_hz=6000.0, tilt_db=-6.0, severity=4.0)
    change = wide.apply(background(), RATE) - background()
    ratio = power(change, 2000, 2200) / power(change, 1000, 1100)
    # Twice as wide a band at 6 dB less an octave holds half the power.
    assert 10 * np.log10(ratio) == pytest.approx(-3, abs=0.7)


def test_microphones_hear_one_source_each_at_its_own_level() -> None:
    change = FAULT.apply(background(2), RATE) - background(2)
    assert np.corrcoef(change)[0, 1] == pytest.approx(1, abs=1e-6)
    assert np.std(change[1]) / np.std(change[0]) == pytest.approx(2, rel=0.05)


def test_knocks_do_not_raise_it() -> None:
    knocking = background()
    knocking[:, ::RATE] += 0.9
    quiet, loud = (np.std(FAULT.apply(clip, RATE) - clip) for clip in (background(), knocking))
    assert loud == pytest.approx(quiet, rel=0.1)


def test_a_band_stays_a_band_below_half_the_rate() -> None:
    profile = measure([background()], RATE)
    assert NoiseAdded.inapplicable(profile, {"low_hz": [6500, 9000]}) is not None
    assert NoiseAdded.inapplicable(profile, {"low_hz": [3000, 9000]}) is None
    for seed in range(20):
        said = {"low_hz": [3000, 12_000], "high_hz": [3000, 12_000]}
        drawn = NoiseAdded.draw(profile, said, 1.0, np.random.default_rng(seed))
        assert drawn.low_hz <= 0.8 * drawn.high_hz
        assert drawn.high_hz <= 0.45 * RATE
