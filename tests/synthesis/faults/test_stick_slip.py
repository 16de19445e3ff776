"""Squeals: a saw's harmonics, bursts at the rate, silence between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.stick_slip import StickSlip

RATE = 16_000
SECONDS = 10
FAULT = StickSlip(
    severity=1.0, seed=3, regular=True, rate_hz=2.0, slip_percent=0.0, phase_turns=0.2, burst_ms=200.0,
    squeal_hz=1000.0, wander_percent=0.0, wander_hz=5.0, level_db=0.0,
)  # fmt: skip


def noise() -> np.ndarray:
    return (0.01 * np.random.default_rng(0).standard_normal((1, SECONDS * RATE))).astype(np.float32)


def change(fault: StickSlip) -> np.ndarray:
    return np.asarray((fault.apply(noise(), RATE) - noise())[0], dtype=float)


def test_harmonics_are_a_saw_s() -> None:
    spectrum = np.abs(np.fft.rfft(change(FAULT)))
    strengths = [spectrum[k * 10_000 - 50 : k * 10_000 + 51].max() for k in range(1, 8)]
    assert np.array(strengths) / strengths[0] == pytest.approx(1 / np.arange(1, 8), rel=0.02)
    assert spectrum[75_000:].max() < 1e-3 * strengths[0]  # 0.45 of the rate is the end


def test_bursts_come_at_the_rate_and_nothing_between() -> None:
    energy = change(FAULT) ** 2
    folded = energy.reshape(20, -1).mean(axis=0)
    begin, end = round(0.1 * RATE), round(0.3 * RATE)
    assert folded[:begin].max() < 1e-12 > folded[end:].max()
    spectrum = np.abs(np.fft.rfft(energy - energy.mean()))
    assert np.argmax(spectrum[:100]) / SECONDS == pytest.approx(2)


def test_the_level_is_that_of_a_burst_s_height() -> None:
    height = change(FAULT).reshape(20, -1)[:, round(0.18 * RATE) : round(0.22 * RATE)]
    # White noise from 0.95 of half an octave below the squeal upwards.
    assert np.std(height) == pytest.approx(0.01 * np.sqrt(1 - 0.95 * 707 / 8000), rel=0.06)


def test_the_pitch_wanders() -> None:
    steady, wandering = (np.abs(np.fft.rfft(change(replace(FAULT, wander_percent=p)))) for p in (0.0, 3.0))
    assert wandering[10_000] < 0.5 * steady[10_000]
    assert wandering[9000:11_000].sum() > steady[9000:11_000].sum()


def test_random_bursts_are_not_periodic() -> None:
    energy = change(replace(FAULT, regular=False)) ** 2
    spectrum = np.abs(np.fft.rfft(energy - energy.mean()))
    regular = change(FAULT) ** 2
    assert spectrum[20] < 0.7 * np.abs(np.fft.rfft(regular - regular.mean()))[20]


def test_the_rate_is_the_machine_s() -> None:
    profile = measure([noise()], RATE)
    said = {"timing": "cycle", "rate_hz": 7, "per_turn": 2}
    sliding = replace(profile, cycle_hz=0.5)
    assert StickSlip.draw(sliding, said, 1.0, np.random.default_rng(0)).rate_hz == 1
    assert StickSlip.draw(profile, said, 1.0, np.random.default_rng(0)).rate_hz == pytest.approx(14)
    assert StickSlip.inapplicable(profile, {"squeal_hz": [7500, 9000]}) is not None
