"""The rows of prompts/faults.yaml say what their mechanisms understand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gensup.audio.profile import SoundProfile, measure
from gensup.captions import faults_for
from gensup.registry import Registry
from gensup.resources import mapping

RATE = 16_000
MECHANISMS = Registry("gensup.synthesis.faults", "fault mechanism")
ROWS: dict[str, Any] = mapping("prompts", "faults.yaml")
MACHINES = sorted({*mapping("prompts", "machines.yaml"), "ToyFerrisWheel"})  # the last one stands in no list
each = pytest.mark.parametrize("name", ROWS)


def recorded(kind: str) -> SoundProfile:
    """The profile of four seconds of a machine of that kind."""
    rng = np.random.default_rng(0)
    t = np.arange(4 * RATE) / RATE
    clip = 0.01 * rng.standard_normal(len(t))
    if kind == "tonal":
        clip += sum(0.1 / k * np.sin(2 * np.pi * 33 * k * t) for k in range(1, 9))
    if kind == "impulsive":
        clip[::8000] += 0.9
    if kind == "intermittent":
        clip *= 1 + 9 * ((t % 1) < 0.4)
    return measure([clip.astype(np.float32)[None]], RATE)


PROFILES = {kind: recorded(kind) for kind in ("tonal", "broadband", "impulsive", "intermittent")}
# With tones, events and a shaft: every fault says something about it.
WHOLE = replace(PROFILES["impulsive"], shaft_hz=25.0)


def test_the_kinds_are_what_they_are_called() -> None:
    assert {kind: profile.kind for kind, profile in PROFILES.items()} == {kind: kind for kind in PROFILES}
    assert PROFILES["broadband"].events_s == ()
    assert PROFILES["broadband"].shaft_hz is None


@each
def test_a_row_can_be_drawn(name: str) -> None:
    row = ROWS[name]
    mechanism = MECHANISMS.load(row["mechanism"])
    assert mechanism.inapplicable(WHOLE, row["parameters"]) is None
    for seed in range(5):
        assert mechanism.draw(WHOLE, row["parameters"], 1.0, np.random.default_rng(seed)).severity == 1.0


@each
def test_a_row_says_where_it_comes_from(name: str) -> None:
    row = ROWS[name]
    assert row["signature_source"] in ("guessed", "plausible", "generic")  # nobody has listened to a broken machine
    assert (row["signature_source"] == "generic") == ("machines" not in row)
    # A guessed signature is of a fault that somebody wrote down.
    assert row["signature_source"] != "guessed" or row["fault_source"] not in ("none", "")
    assert row["words"]
    assert row["fault"]


@pytest.mark.parametrize("kind", PROFILES)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_has_eight_families_of_four_mechanisms(machine: str, kind: str) -> None:
    profile = PROFILES[kind]
    heard = [
        row.mechanism
        for row in faults_for(machine)
        if MECHANISMS.load(row.mechanism).inapplicable(profile, row.parameters) is None
    ]
    assert len(heard) >= 8
    assert len(set(heard)) >= 4


def test_a_machine_at_8_khz_has_them_too() -> None:
    steady = measure([(0.01 * np.random.default_rng(0).standard_normal((1, 8000))).astype(np.float32)], 8000)
    heard = {
        row.mechanism
        for row in faults_for(None)
        if MECHANISMS.load(row.mechanism).inapplicable(steady, row.parameters) is None
    }
    assert len(heard) >= 8


def test_every_mechanism_has_a_generic_row() -> None:
    assert {row.mechanism for row in faults_for(None)} == set(MECHANISMS.names())
