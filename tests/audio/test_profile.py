"""Profiles of signals whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gensup.audio.profile import BANDS, find_events, measure
from gensup.errors import GensupError

RATE = 16_000
SAMPLES = 6 * RATE
T = np.arange(SAMPLES) / RATE


def noise(rng: np.random.Generator) -> np.ndarray:
    return 0.05 * rng.standard_normal(SAMPLES)


def harmonics(rng: np.random.Generator) -> np.ndarray:
    lines = sum(0.02 * np.sin(2 * np.pi * 25 * k * T + 6 * rng.random()) for k in range(1, 11))
    return lines + 0.01 * rng.standard_normal(SAMPLES)


def one_tone(rng: np.random.Generator) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * 1000 * T) + 0.001 * rng.standard_normal(SAMPLES)


def clicks(rng: np.random.Generator, every_s: float = 1 / 3) -> np.ndarray:
    clip = 0.005 * rng.standard_normal(SAMPLES)
    for start in click_places(every_s):
        t = np.arange(SAMPLES - start) / RATE
        clip[start:] += 0.3 * np.exp(-t / 0.004) * np.sin(2 * np.pi * 3000 * t)
    return clip


def click_places(every_s: float = 1 / 3) -> list[int]:
    return [round(second * RATE) for second in np.arange(0.2, 5.9, every_s)]


def bursts(rng: np.random.Generator) -> np.ndarray:
    return 0.1 * rng.standard_normal(SAMPLES) * (np.mod(T, 1.5) < 0.5)


def modulated(rng: np.random.Generator) -> np.ndarray:
    return noise(rng) * (1 + 0.6 * np.sin(2 * np.pi * 12 * T))


def squared_at_shaft_rate(rng: np.random.Generator) -> np.ndarray:
    """Noise in short puffs, 40 a second: no line in its spectrum, harmonics of 40 Hz in its envelope's."""
    return rng.standard_normal(SAMPLES) * (0.02 + 0.2 * (np.mod(40 * T, 1) < 0.15))


def drawn(make: Callable[[np.random.Generator], np.ndarray], count: int = 4) -> list[np.ndarray]:
    return [make(np.random.default_rng(i)).astype(np.float32)[None] for i in range(count)]


@pytest.mark.parametrize(
    ("make", "kind", "shaft_hz", "cycle_hz"),
    [
        (noise, "broadband", None, None),
        (harmonics, "tonal", 25, None),
        (one_tone, "tonal", None, None),
        (clicks, "impulsive", None, 3),
        (bursts, "intermittent", None, 1 / 1.5),
        (modulated, "broadband", None, 12),
        (squared_at_shaft_rate, "broadband", 40, None),
    ],
)
def test_kind_and_rates(
    make: Callable[[np.random.Generator], np.ndarray], kind: str, shaft_hz: float | None, cycle_hz: float | None
) -> None:
    profile = measure(drawn(make), RATE)
    assert profile.kind == kind
    assert profile.shaft_hz == (shaft_hz and pytest.approx(shaft_hz, rel=0.01))
    assert profile.cycle_hz == (cycle_hz and pytest.approx(cycle_hz, rel=0.02))
    assert bool(profile.events_s) == (kind in ("impulsive", "intermittent"))


def test_event_lengths_and_onsets() -> None:
    profile = measure(drawn(bursts), RATE)
    assert profile.event_ms == pytest.approx(500, abs=40)
    assert np.allclose(profile.events_s, [0, 1.5, 3, 4.5], atol=0.03)


def test_events_stand_where_the_clicks_are() -> None:
    spans = find_events(drawn(clicks)[0], RATE)
    places = click_places()
    assert len(spans) == len(places)
    assert all(start - 0.01 * RATE <= place < stop for (start, stop), place in zip(spans, places, strict=True))
    assert all(stop - start < 0.08 * RATE for start, stop in spans)


def test_noise_has_no_events() -> None:
    assert [find_events(clip, RATE) for clip in drawn(noise, 10)] == [()] * 10


def test_levels_of_white_noise() -> None:
    profile = measure(drawn(noise), RATE)
    assert profile.level_db == pytest.approx(20 * np.log10(0.05), abs=0.1)
    # Peak-one triangles, half overlapping: together they weigh every bin between the outer two bands once.
    assert 10 * np.log10(np.sum(10 ** (profile.band_level_db / 10))) == pytest.approx(profile.level_db, abs=0.5)
    assert profile.band_hz.shape == (BANDS + 1,)
    assert profile.band_hz[-1] == pytest.approx(RATE / 2)


def test_a_rate_in_few_clips_is_no_rate() -> None:
    assert measure(drawn(noise, 4) + drawn(clicks, 2), RATE).cycle_hz is None
    assert measure(drawn(noise, 4) + drawn(clicks, 2), RATE).events_s == ()
    assert measure(drawn(noise, 2) + drawn(clicks, 4), RATE).cycle_hz == pytest.approx(3, rel=0.02)


def test_mains_hum_is_no_shaft() -> None:
    def hum(rng: np.random.Generator) -> np.ndarray:
        return sum(0.02 * np.sin(2 * np.pi * 50 * k * T) for k in range(1, 11)) + 0.01 * rng.standard_normal(SAMPLES)

    assert measure(drawn(hum), RATE).shaft_hz is None


def test_it_measures_the_same_twice_and_leaves_clips_alone() -> None:
    clips = drawn(clicks)
    before = [clip.copy() for clip in clips]
    first, second = measure(clips, RATE), measure(clips, RATE)
    assert np.array_equal(first.band_level_db, second.band_level_db)
    assert (first.shaft_hz, first.cycle_hz, first.events_s) == (second.shaft_hz, second.cycle_hz, second.events_s)
    assert all(np.array_equal(a, b) for a, b in zip(before, clips, strict=True))


@pytest.mark.parametrize("samples", [1, 2, 100, 700, 1600])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_silent_and_short_clips(samples: int, value: float) -> None:
    profile = measure([np.full((2, samples), value, dtype=np.float32)], RATE)
    assert np.isfinite(profile.band_level_db).all()
    assert profile.shaft_hz is None
    assert profile.cycle_hz is None


def test_no_clips() -> None:
    with pytest.raises(GensupError, match="no clip"):
        measure([], RATE)
