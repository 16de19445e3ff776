"""Another speed: lines and events follow it, the body and the loudness stay, nothing is heard of the reading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from gensup.audio.profile import find_events, measure
from gensup.synthesis.faults.rate_change import RateChange

RATE = 16_000
SECONDS = 8
FAULT = RateChange(severity=1.0, seed=3, direction="faster", change_percent=5.0, speed_exponent=0.0, wander_hz=2.0)
T = np.arange(SECONDS * RATE) / RATE


def tone(hz: float) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hz * T)).astype(np.float32)[None]


def spectrum(clip: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(clip[0] * np.blackman(clip.shape[1])))


@pytest.mark.parametrize(
    ("direction", "severity", "ratio"),
    [
        ("faster", 1.0, 1.05),
        ("slower", 1.0, 0.95),
        ("faster", 4.0, 1.2),
        ("slower", 0.125, 0.99375),
        ("faster", 99, 1.5),
    ],
)
def test_the_pitch_ratio_is_the_speed_s(direction: str, severity: float, ratio: float) -> None:
    fault = replace(FAULT, direction=direction, severity=severity)
    assert fault.ratio == pytest.approx(ratio)
    made = fault.apply(tone(400), RATE)
    assert np.argmax(spectrum(made)) / SECONDS == pytest.approx(400 * ratio, abs=0.2)


@pytest.mark.parametrize("hz", [400.0, 3000.0, 6000.0])
def test_reading_leaves_no_trace(hz: float) -> None:
    made = spectrum(replace(FAULT, direction="slower").apply(tone(hz), RATE))
    there = round(0.95 * hz * SECONDS)
    assert np.delete(made, np.s_[there - 80 : there + 81]).max() < 10 ** (-55 / 20) * made[there]


def test_the_seam_is_not_heard() -> None:
    clip = tone(400) + (0.003 * np.random.default_rng(0).standard_normal((1, len(T)))).astype(np.float32)
    made = replace(FAULT, severity=3.0).apply(clip, RATE)
    levels = np.sqrt(np.mean(made[0].reshape(-1, 800) ** 2, axis=1))
    assert levels.max() / levels.min() < 1.1
    assert find_events(made, RATE) == ()


@pytest.mark.parametrize("direction", ["faster", "slower", "flutter"])
def test_the_faintest_change_of_speed_is_hardly_a_change(direction: str) -> None:
    clip = (0.01 * np.random.default_rng(0).standard_normal((1, len(T)))).astype(np.float32)
    made = replace(FAULT, direction=direction, severity=1e-6).apply(clip, RATE)
    # What is read anew is what was written, but for the band that recorders cut off.
    change = np.abs(np.fft.rfft((made - clip)[0]))[: 6000 * SECONDS]
    assert np.sum(change**2) < 1e-3 * np.sum(np.abs(np.fft.rfft(clip[0])) ** 2)


def test_events_come_at_the_speed() -> None:
    clip = 0.005 * np.random.default_rng(0).standard_normal((1, len(T)))
    ring = np.exp(-np.arange(1600) / 160) * np.sin(2 * np.pi * 2000 * np.arange(1600) / RATE)
    for start in range(3000, len(T) - 1600, 8000):
        clip[0, start : start + 1600] += 0.3 * ring
    for direction, spacing in (("faster", 0.5 / 1.1), ("slower", 0.5 / 0.9)):
        made = replace(FAULT, direction=direction, severity=2.0).apply(clip.astype(np.float32), RATE)
        starts = np.array([start for start, _ in find_events(made, RATE)]) / RATE
        assert np.median(np.diff(starts)) == pytest.approx(spacing, abs=0.009)


def test_the_body_keeps_its_resonance() -> None:
    w, r = 2 * np.pi * 2000 / RATE, 0.97
    noise = np.random.default_rng(0).standard_normal(len(T))
    clip = np.asarray(0.01 * lfilter([1], [1, -2 * r * np.cos(w), r**2], noise), dtype=np.float32)[None]
    made = replace(FAULT, severity=3.0).apply(clip, RATE)
    peaks = [
        np.argmax(np.convolve(spectrum(c)[: 4000 * SECONDS] ** 2, np.ones(800), mode="same")) for c in (clip, made)
    ]
    assert peaks[1] / peaks[0] == pytest.approx(1, abs=0.05)  # not 1.15


def test_loudness_goes_with_the_exponent() -> None:
    clip = (0.01 * np.random.default_rng(0).standard_normal((1, len(T)))).astype(np.float32)
    still, louder = (np.mean(replace(FAULT, speed_exponent=e, severity=4.0).apply(clip, RATE) ** 2) for e in (0.0, 5.0))
    assert still / np.mean(clip**2) == pytest.approx(1, rel=0.05)
    assert louder / still == pytest.approx(1.2**5, rel=0.01)


def test_flutter_wanders_and_comes_back() -> None:
    made = replace(FAULT, direction="flutter", change_percent=2.0).apply(tone(1000), RATE)[0]
    analytic = np.fft.fft(made)
    analytic[len(made) // 2 :] = 0
    pitch = np.diff(np.unwrap(np.angle(np.fft.ifft(analytic))))[1000:-1000] * RATE / (2 * np.pi)
    assert pitch.mean() == pytest.approx(1000, abs=3)
    assert 8 < pitch.std() < 30


def test_short_of_sound_it_goes_on() -> None:
    for samples in (3, 40, 3000):
        clip = tone(400)[:, :samples]
        assert replace(FAULT, severity=10.0).apply(clip, RATE).shape == clip.shape


def test_either_way_and_who_has_a_speed() -> None:
    noise = (0.01 * np.random.default_rng(0).standard_normal((1, RATE))).astype(np.float32)
    steady = measure([noise], RATE)
    drawn = {RateChange.draw(steady, {}, 1.0, np.random.default_rng(seed)).direction for seed in range(20)}
    assert drawn == {"faster", "slower"}
    assert "no tone" in str(RateChange.inapplicable(steady, {}))
    assert RateChange.inapplicable(replace(steady, cycle_hz=2.0), {}) is None
