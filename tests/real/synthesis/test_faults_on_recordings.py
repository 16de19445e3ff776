"""Profiles and faults on real recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gensup.audio.profile import find_events, measure
from gensup.registry import Registry

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
RATE = 16_000
MECHANISMS = Registry("gensup.synthesis.faults", "fault mechanism")


def clips(folder: str, count: int) -> list[np.ndarray]:
    paths = sorted((DATA / folder).glob("*.flac"))[:count]
    assert len(paths) == count
    return [soundfile.read(path, dtype="float32", always_2d=True)[0].T.copy() for path in paths]


@pytest.mark.parametrize("machine", ["id_00", "id_02"])
def test_valves_strike(machine: str) -> None:
    profile = measure(clips(f"mimii_m6dB_ch0/valve/{machine}/normal", 10), RATE)
    assert profile.kind == "impulsive"
    assert profile.cycle_hz == pytest.approx(0.915, abs=0.02)
    assert profile.event_ms is not None
    assert 20 < profile.event_ms < 150


@pytest.mark.parametrize("machine", ["id_00", "id_02"])
def test_fans_do_not(machine: str) -> None:
    recordings = clips(f"mimii_m6dB_ch0/fan/{machine}/normal", 10)
    profile = measure(recordings, RATE)
    assert profile.events_s == ()
    assert profile.cycle_hz is None
    assert sum(not find_events(clip, RATE) for clip in recordings) >= 7


@pytest.mark.parametrize("folder", ["mimii_m6dB_ch0/valve/id_00/normal", "dcase2020_slider_id00_train"])
@pytest.mark.parametrize("name", MECHANISMS.names())
def test_a_sham_is_the_recording_and_a_fault_is_not(folder: str, name: str) -> None:
    recordings = clips(folder, 3)
    profile = measure(recordings, RATE)
    for clip in recordings:
        fault = MECHANISMS.load(name).draw(profile, {}, 1.0, np.random.default_rng(1))
        assert replace(fault, severity=0.0).apply(clip, RATE).tobytes() == clip.tobytes()
        made = fault.apply(clip, RATE)
        assert np.isfinite(made).all()
        assert np.array_equal(made, clip) == (
            name in ("event-weaker", "event-displaced") and not find_events(clip, RATE)
        )


def test_eight_microphones() -> None:
    (path,) = (DATA / "mimii_8ch" / "-6_dB_fan" / "fan" / "id_00" / "normal").glob("*.flac")
    clip = soundfile.read(path, dtype="float32", always_2d=True)[0].T.copy()
    assert clip.shape[0] == 8
    profile = measure([clip], RATE)
    for name in ("event-added", "noise-added", "envelope-modulation"):
        made = MECHANISMS.load(name).draw(profile, {}, 1.0, np.random.default_rng(1)).apply(clip, RATE)
        change = np.std(made - clip, axis=1) / np.std(clip, axis=1)
        # Every microphone hears the fault about as far above what it hears of the machine.
        assert change.max() < 3 * change.min()
