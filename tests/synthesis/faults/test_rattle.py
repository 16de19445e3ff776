"""Rattling: bursts at the rate, impacts at random within them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.rattle import Rattle

RATE = 16_000
FAULT = Rattle(
    severity=1.0, seed=5, rate_hz=4.0, slip_percent=0.5, phase_turns=0.5, impacts=8.0, burst_ms=25.0, ring_hz=3000.0,
    second_ratio=1.8, decay_ms=1.0, level_db=30.0,
)  # fmt: skip


def noise(seconds: float = 10.0) -> np.ndarray:
    return (0.01 * np.random.default_rng(0).standard_normal((1, round(seconds * RATE)))).astype(np.float32)


def energy(fault: Rattle, seconds: float = 10.0) -> np.ndarray:
    return (fault.apply(noise(seconds), RATE) - noise(seconds))[0].astype(float) ** 2


def test_bursts_come_at_the_rate() -> None:
    smooth = np.convolve(energy(FAULT), np.ones(800) / 800, mode="same")
    spectrum = np.abs(np.fft.rfft(smooth - smooth.mean()))
    assert np.argmax(spectrum[:100]) / 10 == pytest.approx(4, abs=0.15)


def test_a_burst_is_over_before_the_next_one() -> None:
    # Folded at the rate, nearly all of the energy lies within four burst lengths of the begin.
    folded = energy(replace(FAULT, slip_percent=0.0)).reshape(40, -1).sum(axis=0)
    begin = RATE // 8
    assert folded[begin : begin + round(0.1 * RATE)].sum() > 0.75 * folded.sum()
    assert folded[:begin].sum() < 0.02 * folded.sum()


def test_impacts_of_a_burst_are_many_and_random() -> None:
    change = energy(replace(FAULT, impacts=20.0, decay_ms=0.3, burst_ms=200.0, rate_hz=1.0), 60.0)
    one, two = change[RATE // 2 : RATE], change[RATE // 2 + RATE : 2 * RATE]
    peaks = [int(np.sum((e[1:-1] > 0.02 * e.max()) & (e[1:-1] > e[:-2]) & (e[1:-1] >= e[2:]))) for e in (one, two)]
    assert min(peaks) > 10
    assert np.corrcoef(one, two)[0, 1] < 0.3


def test_it_rings_at_the_resonance() -> None:
    spectrum = np.abs(np.fft.rfft((FAULT.apply(noise(), RATE) - noise())[0])) ** 2
    spectrum = np.convolve(spectrum, np.ones(500), mode="same")
    assert np.argmax(spectrum) / 10 == pytest.approx(3000, abs=200)


def test_the_rate_is_the_machine_s() -> None:
    profile = measure([noise(1.0)], RATE)
    said = {"timing": "cycle", "rate_hz": 7, "per_turn": 2}
    swinging = replace(profile, cycle_hz=1.5)
    assert Rattle.draw(swinging, said, 1.0, np.random.default_rng(0)).rate_hz == 3
    assert Rattle.draw(profile, said, 1.0, np.random.default_rng(0)).rate_hz == pytest.approx(14)
    assert Rattle.inapplicable(profile, {"ring_hz": [7500, 9000]}) is not None
