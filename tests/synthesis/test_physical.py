"""The generator "faults": batches, twins, what it says about them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.synthesis.physical import MECHANISMS, PhysicalFaults
from gensup.synthesis.records import Order

RATE = 16_000


def recording(seed: int) -> np.ndarray:
    return (0.01 * np.random.default_rng(seed).standard_normal((1, RATE))).astype(np.float32)


GENERATOR = PhysicalFaults(measure([recording(0)], RATE))


def order(twin: str = "t", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": "o", "twin": twin, "source": Clip(path=f"{twin}.wav"), "source_key": twin, "family": "hiss",
        "mechanism": "noise-added", "status": "generic", "severity": 1.0, "captions": ("", ""), "parameters": {},
        "seed": 1, "seconds": 1.0, "rate": RATE, "channels": 1,
    }  # fmt: skip
    return Order(**(fields | changes))


def test_one_batch_a_source_in_the_plan_s_order() -> None:
    orders = [order(twin, id=str(i)) for i, twin in enumerate("bbabca")]
    assert [[one.id for one in batch] for batch in GENERATOR.batches(orders)] == [["0", "1", "3"], ["2", "5"], ["4"]]


def test_the_normal_twin_is_the_source_bit_for_bit() -> None:
    source = recording(3)
    for mechanism in ("noise-added", "event-added", "envelope-modulation", "event-weaker", "event-displaced"):
        (twin,) = GENERATOR.make([order(mechanism=mechanism)], [source])
        assert twin.normal.tobytes() == source.tobytes()


def test_a_ladder_is_one_drawn_fault() -> None:
    source = recording(3)
    rungs = GENERATOR.make([order(severity=severity) for severity in (0.5, 1.0, 2.0)], [source] * 3)
    changes = [twin.anomaly - twin.normal for twin in rungs]
    assert np.allclose(changes[1], 2 * changes[0], atol=1e-7)
    assert np.allclose(changes[2], 2 * changes[1], atol=1e-7)
    apart = ("severity", "peak", "change_db")
    drawn = [{k: v for k, v in twin.parameters.items() if k not in apart} for twin in rungs]
    assert drawn[0] == drawn[1] == drawn[2]
    (other,) = GENERATOR.make([order(seed=2)], [source])
    assert other.parameters["low_hz"] != drawn[0]["low_hz"]


def test_what_it_says_recreates_the_sound() -> None:
    from gensup.synthesis.faults.noise_added import NoiseAdded

    source = recording(3)
    (twin,) = GENERATOR.make([order()], [source])
    said = json.loads(json.dumps(twin.parameters, allow_nan=False))
    assert said.pop("version") == NoiseAdded.version
    assert said.pop("peak") == pytest.approx(np.abs(twin.anomaly).max())
    change = np.mean((twin.anomaly - twin.normal) ** 2) / np.mean(source**2)
    assert said.pop("change_db") == pytest.approx(10 * np.log10(change), abs=0.01)
    assert NoiseAdded(**said).apply(source, RATE).tobytes() == twin.anomaly.tobytes()


def test_it_does_not_clip_and_says_the_peak() -> None:
    loud = 90 * recording(3)
    (twin,) = GENERATOR.make([order(severity=4.0)], [loud])
    assert twin.parameters["peak"] == pytest.approx(np.abs(twin.anomaly).max())
    assert np.abs(twin.anomaly).max() > 1


def test_a_fault_that_finds_nothing_says_so() -> None:
    (twin,) = GENERATOR.make([order(mechanism="event-weaker")], [recording(3)])
    assert twin.parameters["change_db"] is None


def test_the_revision_holds_every_mechanism_s_version() -> None:
    assert GENERATOR.revision.count(", ") == len(MECHANISMS.names()) - 1
    assert "noise-added 1" in GENERATOR.revision


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": 8000}, "another sampling rate"),
        ({"mechanism": "noise-aded"}, "did you mean noise-added"),
        ({"severity": -1.0}, "not a severity"),
        ({"parameters": {"loud": 1}}, "unknown parameter"),
    ],
)
def test_bad_orders(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(GensupError, match=said):
        GENERATOR.make([order(**changes)], [recording(3)])


def test_a_source_is_needed() -> None:
    with pytest.raises(GensupError, match="no source recording"):
        GENERATOR.make([order()], [None])
