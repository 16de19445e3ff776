"""The two mechanisms that change a clip's own events: what moves, what weakens, what stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate

from gensup.audio.profile import measure
from gensup.synthesis.faults.event_displaced import EventDisplaced
from gensup.synthesis.faults.event_weaker import EventWeaker
from gensup.synthesis.own_events import own_events

RATE = 16_000
PLACES = range(4000, 64_000, 8000)
LENGTH = 1600
WEAKER = EventWeaker(severity=1.0, seed=3, attenuation_db=6.0, share=1.0)
LATER = EventDisplaced(
    severity=1.0, seed=3, mode="delayed", displacement_ms=40.0, spread_percent=0.0, level_db=-6.0, share=1.0
)
DOUBLE = replace(LATER, mode="doubled", displacement_ms=150.0)


def knocks(strength: float = 0.3) -> np.ndarray:
    clip = np.zeros((1, 64_000))
    for place in PLACES:
        t = np.arange(LENGTH) / RATE
        clip[0, place : place + LENGTH] = strength * np.exp(-t / 0.015) * np.sin(2 * np.pi * 2000 * t)
    return clip


def background() -> np.ndarray:
    return 0.01 * np.random.default_rng(0).standard_normal((1, 64_000))


CLIP = (knocks() + background()).astype(np.float32)


def peaks(clip: np.ndarray, late: int = 0) -> np.ndarray:
    """Projection of each place on the true knock: its strength, one for an untouched one."""
    shape = knocks()[0, PLACES[0] : PLACES[0] + LENGTH]
    clip = np.pad(clip, ((0, 0), (0, late + LENGTH)))
    return np.array([clip[0, p + late : p + late + LENGTH] @ shape / (shape @ shape) for p in PLACES])


def test_events_are_lifted_off_their_background() -> None:
    events = own_events(CLIP, RATE)
    assert len(events.spans) == len(PLACES)
    error = events.sound - knocks()
    assert np.sum(error**2) < 0.05 * np.sum(knocks() ** 2)
    between = np.ones(64_000, dtype=bool)
    for start, stop in events.spans:
        between[start - 600 : stop + 600] = False
    assert not events.sound[0, between].any()


@pytest.mark.parametrize(("severity", "strength"), [(0.5, 0.708), (1.0, 0.501), (2.0, 0.251), (8.0, 0.0)])
def test_weaker_events_weaken_as_said_until_they_are_gone(severity: float, strength: float) -> None:
    made = replace(WEAKER, severity=severity).apply(CLIP, RATE)
    assert peaks(made) == pytest.approx(strength, abs=0.06)
    # What is left where the event stood is as loud as the background, not a hole in it.
    gone = replace(WEAKER, severity=20.0).apply(CLIP, RATE)
    where = gone[0, PLACES[2] : PLACES[2] + LENGTH // 2]
    assert 0.007 < np.std(where) < 0.03


def test_the_background_stays() -> None:
    for fault in (WEAKER, LATER):
        made = fault.apply(CLIP, RATE)
        assert np.array_equal(made[0, :3000], CLIP[0, :3000])


def test_a_share_of_the_events_is_touched() -> None:
    strengths = peaks(replace(WEAKER, attenuation_db=40.0, share=0.3).apply(CLIP, RATE))
    touched = strengths < 0.2
    assert 1 <= touched.sum() < len(PLACES)
    assert strengths[~touched] == pytest.approx(1, abs=0.06)
    assert (peaks(replace(WEAKER, attenuation_db=40.0, share=0.01).apply(CLIP, RATE)) < 0.2).sum() == 1


@pytest.mark.parametrize(("severity", "late"), [(0.25, 160), (1.0, 640), (4.0, 2560)])
def test_delayed_events_come_as_late_as_said(severity: float, late: int) -> None:
    made = replace(LATER, severity=severity).apply(CLIP, RATE).astype(float)
    likeness = correlate(made[0], knocks()[0], mode="full")[64_000 - 1 :]  # at lags from 0
    assert abs(int(np.argmax(likeness)) - late) <= 1
    assert peaks(made, late)[:-1] == pytest.approx(1, abs=0.1)


def test_a_delay_takes_nothing_and_adds_nothing() -> None:
    made = LATER.apply(CLIP, RATE)
    assert np.sum(made.astype(float) ** 2) == pytest.approx(np.sum(CLIP.astype(float) ** 2), rel=0.005)
    # Block by block the background is as loud as it was: no hole where the event stood, no double where it went.
    blocks = [np.sort(np.std(clip[0].reshape(-1, 160), axis=1))[:300] for clip in (CLIP, made)]
    assert np.abs(20 * np.log10(blocks[1] / blocks[0])).max() < 0.4


def test_no_event_overtakes_the_next() -> None:
    events = own_events(CLIP, RATE)
    made = replace(LATER, displacement_ms=1000.0, severity=4.0).apply(CLIP, RATE)
    for i in range(len(PLACES) - 1):
        room = events.room_after(i)
        assert events.spans[i][1] + room == events.spans[i + 1][0]
        assert peaks(made, room)[i] == pytest.approx(1, abs=0.15)


def test_spread_makes_delays_differ() -> None:
    made = replace(LATER, spread_percent=50.0).apply(CLIP, RATE)
    lags = [int(np.argmax(correlate(made[0, p : p + 2400], knocks()[0, p : p + 800], mode="valid"))) for p in PLACES]
    assert len(set(lags)) > 4
    assert all(300 <= lag <= 980 for lag in lags)


@pytest.mark.parametrize(("severity", "strength"), [(0.5, 0.25), (1.0, 0.5), (4.0, 1.0)])
def test_doubled_events_come_again(severity: float, strength: float) -> None:
    made = replace(DOUBLE, severity=severity).apply(CLIP, RATE)
    assert peaks(made) == pytest.approx(1, abs=0.06)
    assert peaks(made, 2400) == pytest.approx(strength, abs=0.06)


def test_a_machine_without_events_has_none_to_change() -> None:
    steady = measure([background().astype(np.float32)], RATE)
    knocking = measure([CLIP], RATE)
    for mechanism in (EventWeaker, EventDisplaced):
        assert "no events" in str(mechanism.inapplicable(steady, {}))
        assert mechanism.inapplicable(knocking, {}) is None


def test_a_clip_without_events_comes_back() -> None:
    clip = background().astype(np.float32)
    for fault in (WEAKER, LATER, DOUBLE):
        assert fault.apply(clip, RATE).tobytes() == clip.tobytes()


def test_one_clip_s_events_are_not_another_s() -> None:
    # What is remembered of a clip goes by its samples.
    first = own_events(CLIP, RATE)
    assert own_events(CLIP.copy(), RATE) is first
    louder = own_events(2 * CLIP, RATE)
    assert np.allclose(louder.sound, 2 * first.sound, atol=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        first.sound[0, 0] = 1
