"""The rows of prompts/faults.yaml say what their mechanisms understand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from gensup.audio.profile import SoundProfile, measure
from gensup.registry import Registry
from gensup.resources import mapping

RATE = 16_000
MECHANISMS = Registry("gensup.synthesis.faults", "fault mechanism")
ROWS: dict[str, Any] = mapping("prompts", "faults.yaml")
GENERIC = {name: row for name, row in ROWS.items() if "machines" not in row}
each = pytest.mark.parametrize("name", ROWS)


@pytest.fixture(scope="module")
def knocking() -> SoundProfile:
    clip = 0.01 * np.random.default_rng(0).standard_normal((1, 4 * RATE))
    clip[:, ::8000] += 0.9
    profile = measure([clip.astype(np.float32)], RATE)
    assert profile.events_s
    return profile


@each
def test_a_row_can_be_drawn(knocking: SoundProfile, name: str) -> None:
    row = ROWS[name]
    mechanism = MECHANISMS.load(row["mechanism"])
    assert mechanism.inapplicable(knocking, row["parameters"]) is None
    for seed in range(5):
        assert mechanism.draw(knocking, row["parameters"], 1.0, np.random.default_rng(seed)).severity == 1.0


@each
def test_a_row_says_where_it_comes_from(name: str) -> None:
    row = ROWS[name]
    assert row["signature_source"] in ("guessed", "plausible", "generic")  # nobody has listened to a broken machine
    assert (row["signature_source"] == "generic") == ("machines" not in row)
    # A guessed signature is of a fault that somebody wrote down.
    assert row["signature_source"] != "guessed" or row["fault_source"] not in ("none", "")
    assert row["words"]
    assert row["fault"]


def test_any_machine_has_eight_families() -> None:
    assert len({row["mechanism"] for row in GENERIC.values()}) == 5
    steady = measure([(0.01 * np.random.default_rng(0).standard_normal((1, RATE))).astype(np.float32)], RATE)
    heard = [
        row["mechanism"]
        for row in GENERIC.values()
        if MECHANISMS.load(row["mechanism"]).inapplicable(steady, row["parameters"]) is None
    ]
    assert len(heard) >= 8
    assert set(Counter(heard)) == {"event-added", "noise-added", "envelope-modulation"}
