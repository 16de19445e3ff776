"""The mesh: sidebands at the shaft's rate, as strong as Bessel's functions say, on every harmonic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import jv

from gensup.audio.profile import measure
from gensup.synthesis.faults.mesh_sidebands import MeshSidebands

RATE = 16_000
SECONDS = 8
FAULT = MeshSidebands(
    severity=1.0, seed=0, rate_hz=20.0, phase_rad=0.6, depth=0.0, phase_turns=0.0, low_hz=300.0, high_hz=4000.0
)
T = np.arange(SECONDS * RATE) / RATE


def mesh(noise: float = 0.001) -> np.ndarray:
    """A mesh at 700 Hz and twice it, a hum at 100 Hz, noise."""
    tones = 0.1 * np.sin(2 * np.pi * 700 * T) + 0.05 * np.sin(2 * np.pi * 1400 * T) + 0.05 * np.sin(2 * np.pi * 100 * T)
    return (tones + noise * np.random.default_rng(0).standard_normal(len(T))).astype(np.float32)[None]


def lines(clip: np.ndarray) -> np.ndarray:
    """Amplitude of each whole Hz; a Hann window keeps the clip's ends out of it."""
    return np.abs(np.fft.rfft(clip[0] * np.hanning(len(T))))[::SECONDS] * 4 / len(T)


@pytest.mark.parametrize(("severity", "beta"), [(0.5, 0.3), (1.0, 0.6), (2.0, 1.2), (10.0, 2.4)])
def test_phase_modulation_is_bessel_s(severity: float, beta: float) -> None:
    spectrum = lines(replace(FAULT, severity=severity).apply(mesh(), RATE))
    for k in range(3):
        for side in (-1, 1):
            assert spectrum[700 + side * k * 20] == pytest.approx(0.1 * abs(jv(k, beta)), abs=0.002)
    for k in range(3):  # twice the mesh, twice the phase
        assert spectrum[1400 + k * 20] == pytest.approx(0.05 * abs(jv(k, min(2 * beta, 2.4))), abs=0.002)
    assert spectrum[[690, 710, 730, 1410]].max() < 0.002


def test_amplitude_modulation_is_half_the_depth() -> None:
    spectrum = lines(replace(FAULT, phase_rad=0.0, depth=0.5).apply(mesh(), RATE))
    assert spectrum[700] == pytest.approx(0.1, rel=0.02)
    assert spectrum[[680, 720]] == pytest.approx(0.025, rel=0.02)
    assert spectrum[[660, 740]].max() < 0.001


def test_the_rest_of_the_machine_stays() -> None:
    before, after = lines(mesh()), lines(FAULT.apply(mesh(), RATE))
    assert after[100] == pytest.approx(before[100], rel=1e-4)
    noisy = mesh(0.005)
    change = np.abs(np.fft.rfft((FAULT.apply(noisy, RATE) - noisy)[0]))
    assert change[: 500 * SECONDS].max() < 0.01 * change.max()
    assert change[4000 * SECONDS :].max() < 0.01 * change.max()


def test_it_finds_the_mesh_in_noise() -> None:
    assert FAULT.mesh_hz(mesh(0.02), RATE) == pytest.approx(700, abs=8)
    assert replace(FAULT, low_hz=1000.0).mesh_hz(mesh(0.02), RATE) == pytest.approx(1400, abs=8)


def test_a_machine_without_tones_has_no_mesh() -> None:
    noise = (0.01 * np.random.default_rng(0).standard_normal((1, RATE))).astype(np.float32)
    steady = measure([noise], RATE)
    assert "no tone" in str(MeshSidebands.inapplicable(steady, {}))
    assert MeshSidebands.inapplicable(replace(steady, shaft_hz=20.0), {}) is None
    assert MeshSidebands.inapplicable(measure([mesh(0.005)], RATE), {}) is None
    assert MeshSidebands.draw(replace(steady, shaft_hz=25.0), {}, 1.0, np.random.default_rng(0)).rate_hz == 25
