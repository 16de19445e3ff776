"""Tilt: how many decibels an octave, above which pivot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.synthesis.faults.spectral_tilt import SpectralTilt

RATE = 16_000
FAULT = SpectralTilt(severity=1.0, seed=0, tilt_db=-3.0, pivot_hz=1000.0)
T = np.arange(2 * RATE) / RATE
TONES_HZ = (250, 500, 1000, 2000, 4000)
CLIP = sum(0.05 * np.sin(2 * np.pi * hz * T) for hz in TONES_HZ).astype(np.float32)[None]  # type: ignore[union-attr]


def gains_db(fault: SpectralTilt) -> list[float]:
    before, after = (np.abs(np.fft.rfft(clip[0]))[::2] for clip in (CLIP, fault.apply(CLIP, RATE)))
    return [float(20 * np.log10(after[hz] / before[hz])) for hz in TONES_HZ]


@pytest.mark.parametrize(("severity", "slope"), [(0.5, -1.5), (1.0, -3.0), (4.0, -12.0)])
def test_the_slope_is_an_octave_s_above_the_pivot(severity: float, slope: float) -> None:
    assert gains_db(replace(FAULT, severity=severity)) == pytest.approx([0, 0, 0, slope, 2 * slope], abs=0.2)


def test_it_rises_too() -> None:
    assert gains_db(replace(FAULT, tilt_db=2.0)) == pytest.approx([0, 0, 0, 2, 4], abs=0.2)


def test_it_ends_at_forty_decibels() -> None:
    assert gains_db(replace(FAULT, tilt_db=4.0, severity=20.0)) == pytest.approx([0, 0, 0, 40, 40], abs=0.2)


def test_nothing_is_delayed() -> None:
    click = np.zeros((1, 4000), dtype=np.float32)
    click[0, 2000] = 0.5
    made = FAULT.apply(click, RATE)[0]
    assert np.argmax(np.abs(made)) == 2000
    assert made[1990:2000] == pytest.approx(made[2010:2000:-1], abs=1e-6)
