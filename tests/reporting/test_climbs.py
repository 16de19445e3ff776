"""Ladders to listen to: which, in which order, and equally loud."""

from __future__ import annotations

import base64
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from gensup.audio.files import write
from gensup.reporting.climbs import SECONDS, Climb, climbs, steps
from tests.reporting.test_pairs import clip, twin_set

RUNGS = (2.0, 0.5, 1.0)
FAMILIES = {"knock": "event-added", "crackle": "event-added", "hiss": "noise-added", "hum": "tone-added"}


def test_of_every_mechanism_the_heaviest_family() -> None:
    clips = twin_set(FAMILIES, 2, RUNGS)
    weight = {"knock": 0.1, "crackle": 0.3, "hiss": 0.6, "hum": 0.0}
    found = climbs(clips, weight)
    assert [climb.family for climb in found] == ["hiss", "crackle", "hum"]
    assert all([rung.severity for rung in climb.rungs] == sorted(RUNGS) for climb in found)
    assert all({rung.twin for rung in climb.rungs} == {climb.normal.id} for climb in found)
    assert [climb.family for climb in climbs(clips, weight, 2)] == ["hiss", "crackle"]


def test_the_recording_with_most_rungs_and_no_ladder_of_one() -> None:
    clips = [c for c in twin_set(FAMILIES, 2, RUNGS) if c.id != "hiss-0.5-0"]
    assert next(c for c in climbs(clips, dict.fromkeys(FAMILIES, 0.5)) if c.family == "hiss").normal.id == "n1"
    assert climbs(twin_set(FAMILIES, 2, (1.0,)), dict.fromkeys(FAMILIES, 0.5)) == ()
    assert climbs([replace(c, twin=None) for c in clips], dict.fromkeys(FAMILIES, 0.5)) == ()


def test_all_rungs_are_one_stretch_and_equally_louder(tmp_path: Path) -> None:
    rate = 8000
    rng = np.random.default_rng(0)
    quiet = 0.01 * rng.standard_normal(5 * rate).astype(np.float32)
    burst = np.zeros_like(quiet)
    burst[4 * rate : 4 * rate + 800] = 0.1
    sounds = {"n": quiet, "a1": quiet + 0.25 * burst, "a2": quiet + burst}
    for name, sound in sounds.items():
        write(tmp_path / f"{name}.wav", sound[None], rate, "FLOAT")
    normal = replace(clip("n", "n"), file=tmp_path / "n.wav")
    rungs = [replace(clip(f"a{i}", "n", "hiss", "noise", i), file=tmp_path / f"a{i}.wav") for i in (1.0, 2.0)]
    rungs = [replace(rung, id=f"a{i}", file=tmp_path / f"a{i}.wav") for i, rung in enumerate(rungs, 1)]
    found = steps(Climb(family="hiss", mechanism="noise", normal=normal, rungs=tuple(rungs)))
    assert [(step.severity, step.id) for step in found] == [(0.0, "n"), (1.0, "a1"), (2.0, "a2")]
    gains = []
    for step in found:
        heard, _ = soundfile.read(BytesIO(base64.b64decode(step.player.partition(",")[2])))
        assert len(heard) == SECONDS * rate
        start = int(np.argmax(np.abs(np.correlate(sounds[step.id], heard, "valid"))))
        recorded = sounds[step.id][start : start + len(heard)]
        assert start <= 4 * rate <= start + len(heard) - 800
        gains.append(float(heard @ recorded / (recorded @ recorded)))
    np.testing.assert_allclose(gains, gains[0], rtol=1e-3)
    assert gains[0] > 2
