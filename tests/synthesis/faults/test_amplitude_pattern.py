"""Uneven turns: which ones, how much fainter, which lines in the envelope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.amplitude_pattern import AmplitudePattern

RATE = 16_000
SECONDS = 12
FAULT = AmplitudePattern(
    severity=1.0, seed=4, pattern="periodic", rate_hz=4.0, of_turns=3, share=1.0, phase_turns=0.0, attenuation_db=6.0
)
LEVEL = np.full((1, SECONDS * RATE), 0.1, dtype=np.float32)


def gain(fault: AmplitudePattern) -> np.ndarray:
    return fault.apply(LEVEL, RATE)[0] / LEVEL[0]


@pytest.mark.parametrize(("severity", "faint"), [(0.5, 0.708), (1.0, 0.501), (4.0, 0.063), (30.0, 0.0)])
def test_every_third_turn_is_fainter(severity: float, faint: float) -> None:
    middles = gain(replace(FAULT, severity=severity))[RATE // 8 :: RATE // 4]
    others = np.delete(middles, np.s_[1::3])
    assert others == pytest.approx(others[0])
    assert middles[1::3] / others[0] == pytest.approx(faint, abs=1e-3)


@pytest.mark.parametrize("severity", [0.5, 1.0, 30.0])
def test_the_others_do_what_it_no_longer_does(severity: float) -> None:
    for pattern in ("periodic", "random"):
        assert np.mean(gain(replace(FAULT, severity=severity, pattern=pattern)) ** 2) == pytest.approx(1, abs=1e-4)


def test_the_envelope_has_a_third_of_the_rate() -> None:
    spectrum = np.abs(np.fft.rfft(gain(FAULT) - gain(FAULT).mean()))
    assert np.argmax(spectrum) / SECONDS == pytest.approx(4 / 3)


def test_a_share_of_the_turn() -> None:
    fainter = gain(replace(FAULT, share=0.5)) < 0.999
    assert fainter.mean() == pytest.approx(0.5 / 3, abs=0.02)


def test_random_turns_are_as_many_as_said_and_not_periodic() -> None:
    fault = replace(FAULT, pattern="random", rate_hz=40.0)
    middles = gain(fault)[RATE // 80 :: RATE // 40]
    faint = middles < 0.6
    assert faint.mean() == pytest.approx(1 / 3, abs=0.06)
    assert not np.array_equal(faint[:-3], faint[3:])
    rare = replace(FAULT, pattern="random", of_turns=20, rate_hz=0.5)
    assert (gain(rare)[RATE :: 2 * RATE] < 0.6).sum() >= 1


def test_flanks_are_smooth() -> None:
    assert np.abs(np.diff(gain(FAULT))).max() < 0.005


def test_the_rate_is_the_machine_s() -> None:
    profile = replace(measure([LEVEL], RATE), cycle_hz=2.5, shaft_hz=None)
    said = {"timing": "measured", "rate_hz": 7}
    assert AmplitudePattern.draw(profile, said, 1.0, np.random.default_rng(0)).rate_hz == 2.5
