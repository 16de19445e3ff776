"""Impacts: how many, where, how loud, how they ring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import SoundProfile, find_events, measure
from gensup.synthesis.faults.event_added import EventAdded

RATE = 16_000
FAULT = EventAdded(
    severity=1.0, seed=5, regular=True, rate_hz=3.0, slip_percent=1.0, phase_turns=0.5, ring_hz=2500.0,
    second_ratio=1.8, decay_ms=8.0, level_db=30.0,
)  # fmt: skip


def noise(seconds: float = 10.0, seed: int = 0) -> np.ndarray:
    return (0.01 * np.random.default_rng(seed).standard_normal((1, round(seconds * RATE)))).astype(np.float32)


def profile(shaft_hz: float | None = None, cycle_hz: float | None = None) -> SoundProfile:
    return replace(measure([noise(1.0)], RATE), shaft_hz=shaft_hz, cycle_hz=cycle_hz)


def test_impacts_come_at_the_rate() -> None:
    starts = np.array([start for start, _ in find_events(FAULT.apply(noise(), RATE), RATE)]) / RATE
    assert len(starts) == 30
    assert starts[0] == pytest.approx(0.5 / 3, abs=0.02)
    assert np.diff(starts).mean() == pytest.approx(1 / 3, rel=0.02)
    assert np.diff(starts).std() < 0.02


def test_the_envelope_has_the_rate_s_line() -> None:
    change = (replace(FAULT, rate_hz=30.0).apply(noise(), RATE) - noise())[0]
    spectrum = np.abs(np.fft.rfft(change**2 - np.mean(change**2)))
    assert np.argmax(spectrum[:450]) / 10 == pytest.approx(30, abs=0.5)  # bins of 0.1 Hz


def test_it_rings_at_the_resonance() -> None:
    spectrum = np.abs(np.fft.rfft((FAULT.apply(noise(), RATE) - noise())[0])) ** 2
    hz = np.fft.rfftfreq(10 * RATE, 1 / RATE)
    around = (hz > 2300) & (hz < 2700) | (hz > 4300) & (hz < 4700)
    assert spectrum[around].sum() > 0.8 * spectrum.sum()
    assert hz[np.argmax(spectrum)] == pytest.approx(2500, abs=30)


def test_it_decays_as_fast_as_said() -> None:
    one = replace(FAULT, rate_hz=0.05, phase_turns=0.02, slip_percent=0.0, second_ratio=6.0)
    change = np.abs((one.apply(noise(1.0), RATE) - noise(1.0))[0])
    start = int(np.argmax(change > 0.5 * change.max()))
    late = start + round(0.024 * RATE)  # three decay times on
    assert change[late : late + 16].max() / change.max() == pytest.approx(np.exp(-3), rel=0.2)


def test_the_level_stands_over_the_band_s_own() -> None:
    # White noise of RMS 0.01 to 8 kHz: an octave around 2500 Hz holds 0.22 of its power.
    expected = 0.01 * np.sqrt(2500 * (2**0.5 - 2**-0.5) / 8000) * 10 ** (30 / 20)
    change = np.abs(FAULT.apply(noise(), RATE) - noise())
    starts = [start for start, _ in find_events(FAULT.apply(noise(), RATE), RATE)]
    peaks = [change[0, start : start + 1600].max() for start in starts[:-1]]
    assert np.median(peaks) == pytest.approx(expected, rel=0.15)
    assert change.max() < 1.6 * expected


def test_frequent_impacts_share_a_power() -> None:
    rare, frequent = (
        np.mean((replace(FAULT, rate_hz=hz, level_db=10.0).apply(noise(), RATE) - noise()) ** 2) for hz in (4.0, 64.0)
    )
    assert frequent == pytest.approx(rare, rel=0.4)


def test_random_impacts_are_a_poisson_process() -> None:
    train = replace(FAULT, regular=False, rate_hz=20.0)._train(600 * RATE, RATE)
    waits = np.diff(np.flatnonzero(train)) / RATE
    assert len(waits) == pytest.approx(12_000, rel=0.03)
    assert waits.std() == pytest.approx(waits.mean(), rel=0.05)  # of the exponential distribution


def test_a_longer_clip_goes_on_where_the_shorter_one_ended() -> None:
    for regular in (True, False):
        fault = replace(FAULT, regular=regular)
        assert np.array_equal(fault._train(5 * RATE, RATE), fault._train(10 * RATE, RATE)[: 5 * RATE])


@pytest.mark.parametrize(
    ("timing", "shaft_hz", "cycle_hz", "rate_hz"),
    [
        ("measured", 25.0, 2.0, 50), ("measured", None, 2.0, 4), ("measured", None, None, 14), ("shaft", None, 2.0, 14),
        ("cycle", 25.0, 2.0, 4), ("cycle", 25.0, None, 14), ("drawn", 25.0, 2.0, 14), ("random", 25.0, 2.0, 14),
    ],
)  # fmt: skip
def test_timing(timing: str, shaft_hz: float | None, cycle_hz: float | None, rate_hz: float) -> None:
    said = {"timing": timing, "rate_hz": 7, "per_turn": 2}
    drawn = EventAdded.draw(profile(shaft_hz, cycle_hz), said, 1.0, np.random.default_rng(0))
    assert drawn.rate_hz == pytest.approx(rate_hz)
    assert drawn.regular == (timing != "random")


def test_a_ring_beyond_the_rate() -> None:
    assert EventAdded.inapplicable(profile(), {"ring_hz": [7500, 9000]}) is not None
    assert EventAdded.inapplicable(profile(), {"ring_hz": [6000, 9000]}) is None
    drawn = EventAdded.draw(profile(), {"ring_hz": [7000, 20_000]}, 1.0, np.random.default_rng(0))
    assert drawn.ring_hz <= 0.45 * RATE
