"""Twins that fail their checks: made again whole, from the next seed, and no more often than that may help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from gensup.audio.files import Audio, AudioRef
from gensup.clip import Clip
from gensup.synthesis.checks import NO_TRACE, TWICE, clipped
from gensup.synthesis.make import Make
from gensup.synthesis.plan import Plan
from gensup.synthesis.records import Order, TwinAudio
from gensup.synthesis.tries import REMAKES, Trier, at
from gensup.synthesis.twinset import file_names

RATE = 8000


def order(twin: str, severity: float = 1.0, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": f"{twin}-{severity}", "twin": twin, "source": Clip(path="", machine="fan"), "source_key": None,
        "family": "hiss", "mechanism": "fake", "status": "generic", "severity": severity, "captions": ("a", "b"),
        "parameters": {}, "seed": 1, "seconds": 0.5, "rate": RATE, "channels": 1,
    }  # fmt: skip
    return Order(**(fields | changes))


def sound(seed: int, severity: float = 0.0, samples: int = RATE // 2) -> Audio:
    normal, fault = 0.1 * np.random.default_rng([seed % 2**31, 7]).standard_normal((2, 1, samples))
    return np.asarray(normal + severity * fault, dtype=np.float32)


@dataclass(frozen=True)
class Fake:
    """Noise by the order's seed; ``harm`` spoils what it likes of it."""

    harm: Callable[[Order, Audio, Audio], tuple[Audio, Audio]] = lambda order, normal, anomaly: (normal, anomaly)
    redraws: bool = True
    asked: list[list[str]] = field(default_factory=list)

    name: ClassVar[str] = "fake"
    chain: ClassVar[str] = "fake chain"
    revision: ClassVar[str] = "1"
    licence: ClassVar[str] = "none"
    preparation: ClassVar[None] = None

    def check(self, orders: Sequence[Order]) -> None:
        pass

    def prepared(self, orders: Sequence[Order], folder: Path) -> Fake:
        return self

    def batches(self, orders: Sequence[Order]) -> Sequence[Sequence[Order]]:
        return [[one for one in orders if one.twin == twin] for twin in dict.fromkeys(o.twin for o in orders)]

    def make(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> Sequence[TwinAudio]:
        self.asked.append([one.id for one in batch])
        samples = [round(one.seconds * one.rate) for one in batch]
        made = [
            self.harm(one, sound(one.seed, 0.0, count), sound(one.seed, one.severity, count))
            for one, count in zip(batch, samples, strict=True)
        ]
        return [
            TwinAudio(normal, anomaly, {"drawn": one.seed}) for one, (normal, anomaly) in zip(batch, made, strict=True)
        ]


def attempt(one: Order) -> int:
    return int(str(one.parameters.get("attempt", 0)))


def spoiled(twin: str, until: int, how: Callable[[Audio], Audio]) -> Callable[..., tuple[Audio, Audio]]:
    """The anomaly of severity 2 of one twin, at its first attempts."""

    def harm(one: Order, normal: Audio, anomaly: Audio) -> tuple[Audio, Audio]:
        bad = one.twin == twin and one.severity == 2.0 and attempt(one) < until
        return normal, how(anomaly) if bad else anomaly

    return harm


ORDERS = tuple(order(twin, s, seed=i) for i, twin in enumerate("pq") for s in (1.0, 2.0))


@pytest.mark.parametrize(
    ("how", "word"),
    [
        (lambda x: x * np.float32("nan"), "NaN"),
        (lambda x: x * np.float32("inf"), "NaN or infinity"),
        (lambda x: x * 0, "silent"),
        (lambda x: np.clip(20 * x, -1, 1), "clipped"),
        (lambda x: x[:, :-1], "samples"),
        (lambda x: sound(0, 1.0), TWICE),  # the bytes of another order
    ],
)
def test_a_twin_with_a_bad_clip_is_made_again_whole(how: Callable[[Audio], Audio], word: str) -> None:
    generator = Fake(spoiled("q", 2, how))
    with np.errstate(invalid="ignore"):
        first, second = Trier(generator, {}, {}).made(ORDERS, [None] * 4)
    assert generator.asked == [["p-1.0", "p-2.0", "q-1.0", "q-2.0"], ["q-1.0", "q-2.0"], ["q-1.0", "q-2.0"]]
    assert (first.attempt, second.attempt) == (0, 2)
    assert first.refused == second.refused == {}
    (seed,) = {one.seed for one in second.orders}
    assert seed == at(ORDERS[2], 2).seed not in (ORDERS[2].seed, at(ORDERS[2], 1).seed)
    assert np.array_equal(second.normal, sound(seed))
    assert np.array_equal(second.anomalies[1], sound(seed, 2.0))
    (refused,) = [t for t in Trier(generator, {}, {}, remakes=0).made(ORDERS, [None] * 4) if t.refused]
    assert word in refused.refused["q-2.0"]


def test_what_no_seed_mends_is_refused_and_costs_the_others_nothing(tmp_path: Path) -> None:
    generator = Fake(spoiled("q", 99, lambda x: x * 0))
    made = Make(tmp_path, generator, file_names(Plan(ORDERS, {}), "clips"))((ORDERS, [None] * 4))
    assert len(generator.asked) == 1 + REMAKES
    assert list(made.refused) == ["q-2.0"]
    assert made.refused["q-2.0"].endswith(f"(made {1 + REMAKES} times)")
    rows = {str(row["id"]): row for row in made.rows}
    assert set(rows) >= {"p", "q", "p-1.0", "p-2.0", "q-1.0"}
    assert rows["q"]["parameters"] == {}  # the earliest of equally good attempts
    assert rows["q-1.0"]["parameters"] == {"drawn": 1}
    assert rows["p"]["source_path"] is None
    assert rows["p"]["sources"] == []
    assert rows["p"]["machine"] == "fan"


def test_an_anomaly_that_is_its_normal_twin_is_made_again() -> None:
    _, second = Trier(Fake(spoiled("q", 1, lambda x: sound(1))), {}, {}).made(ORDERS, [None] * 4)
    assert (second.attempt, second.refused) == (1, {})
    _, second = Trier(Fake(spoiled("q", 1, lambda x: sound(1))), {}, {}, 0).made(ORDERS, [None] * 4)
    assert second.refused == {"q-2.0": NO_TRACE}


def test_rows_say_which_attempt_stands(tmp_path: Path) -> None:
    generator = Fake(spoiled("q", 1, lambda x: x * 0))
    made = Make(tmp_path, generator, file_names(Plan(ORDERS, {}), "clips"))((ORDERS, [None] * 4))
    rows = {str(row["id"]): row for row in made.rows}
    assert rows["q"]["parameters"] == {"attempt": 1}
    assert rows["q-1.0"]["parameters"]["attempt"] == 1  # type: ignore[call-overload, index]
    assert rows["q"]["seed"] == rows["q-2.0"]["seed"] == at(ORDERS[2], 1).seed
    heard = AudioRef(tmp_path / str(rows["q"]["file_name"]), RATE, 0).read()
    assert np.array_equal(heard, sound(at(ORDERS[2], 1).seed))


def test_a_generator_whose_twins_are_the_same_again_is_asked_once() -> None:
    generator = Fake(spoiled("q", 99, lambda x: x * 0), redraws=False)
    _, second = Trier(generator, {}, {}).made(ORDERS, [None] * 4)
    assert len(generator.asked) == 1
    assert list(second.refused) == ["q-2.0"]
    assert "times" not in second.refused["q-2.0"]


def test_two_normal_twins_of_one_sound_are_not_two() -> None:
    both = tuple(order(twin, seed=5) for twin in "pq")  # one seed
    first, second = Trier(Fake(), {}, {}).made(both, [None, None])
    assert (first.attempt, second.attempt) == (0, 1)
    recorded = tuple(order(twin, s, seed=5, source_key="key") for twin, s in (("p", 1.0), ("q", 2.0)))
    assert [tried.attempt for tried in Trier(Fake(), {}, {}).made(recorded, [sound(1), sound(1)])] == [0, 0]


def test_an_attempt_may_be_asked_for() -> None:
    (tried,) = Trier(Fake(), {}, {"p": 2}).made(ORDERS[:2], [None, None])
    assert tried.attempt == 2
    assert {one.seed for one in tried.orders} == {at(ORDERS[0], 2).seed}


def test_a_source_that_is_clipped_excuses_its_twins() -> None:
    generator = Fake(spoiled("p", 99, lambda x: np.clip(20 * x, -1, 1)))
    loud = np.clip(50 * sound(3), -1, 1)
    (tried,) = Trier(generator, {}, {}).made(ORDERS[:2], [loud, loud])
    assert tried.refused == {}


@pytest.mark.parametrize("gain", [1.0, 0.03, 4.0])
@pytest.mark.parametrize("hz", [20.0, 50.0, 1000.0])
def test_flat_tops_are_clipping_at_any_gain_and_tones_are_none(gain: float, hz: float) -> None:
    for rate in (8000, 16_000, 48_000):
        tone = np.sin(2 * np.pi * hz * np.arange(2 * rate) / rate)[None]
        assert not clipped(np.asarray(gain * tone, dtype=np.float32))
    assert clipped(np.asarray(gain * np.tanh(12 * tone), dtype=np.float32))
    noise = np.random.default_rng(0).standard_normal((1, 16_000))
    assert not clipped(np.asarray(gain * noise, dtype=np.float32))
    assert clipped(np.asarray(gain * np.clip(noise, -0.5, 0.5), dtype=np.float32))
    assert not clipped(np.ones((1, 3), dtype=np.float32))
