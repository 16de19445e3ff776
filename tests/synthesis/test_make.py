"""Batches into files: what is refused, and that what is there is what its row says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.audio import files
from gensup.audio.files import AudioRef
from gensup.audio.profile import measure
from gensup.captions import faults_for
from gensup.clip import Clip
from gensup.synthesis.checks import NO_STRONGER, NO_TRACE, problem, problem_of_copy
from gensup.synthesis.make import Made, Make, stored
from gensup.synthesis.nuisance import nuisances
from gensup.synthesis.physical import PhysicalFaults
from gensup.synthesis.plan import Plan, Scheme, Source
from gensup.synthesis.records import Order
from gensup.synthesis.twinset import file_names

RATE = 16_000
LADDER = (0.5, 2.0, 16.0, 32.0)


def recording() -> np.ndarray:
    clip = 0.05 * np.random.default_rng(0).standard_normal((1, 2 * RATE))
    return (np.rint(clip * 32768) / 32768).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path) -> AudioRef:
    files.write(tmp_path / "source.wav", recording(), RATE, "PCM_16")
    return AudioRef(tmp_path / "source.wav", RATE, 0)


def scheme(*families: str, severities: tuple[float, ...] = LADDER) -> Scheme:
    return Scheme(
        sources=(Source(Clip(path="source.wav"), "key", 2.0),),
        rows=tuple(row for row in faults_for("fan") if row.name in families),
        severities=severities,
        generator="faults",
        rate=RATE,
        channels=1,
        seed=0,
        style="descriptive",
    )


def made(folder: Path, source: AudioRef, orders: tuple[Order, ...], before: dict[str, Order] | None = None) -> Made:
    plan = Plan(orders, {})
    make = Make(folder, PhysicalFaults(measure([recording()], RATE)), file_names(plan, "clips"), before=before or {})
    return make((orders, [source] * len(orders)))


def test_a_rung_no_stronger_than_the_one_before_it_is_refused(tmp_path: Path, source: AudioRef) -> None:
    orders = tuple(scheme("wobble", "hiss").orders())
    done = made(tmp_path / "set", source, orders)
    bound = {(order.family, order.severity) for order in orders if order.id in done.refused}
    assert bound == {("wobble", 16.0), ("wobble", 32.0)}  # a modulation is complete at 2; noise has no bound
    assert set(done.refused.values()) == {NO_STRONGER}
    shas = [row["sha256"] for row in done.rows if row["condition"] == "anomaly"]
    assert len(set(shas)) == len(shas) == 6


def test_the_rung_before_may_lie_in_another_set(tmp_path: Path, source: AudioRef) -> None:
    low, high = scheme("wobble", severities=(2.0, 16.0)).orders()
    assert made(tmp_path / "alone", source, (high,)).refused == {}
    done = made(tmp_path / "set", source, (high,), {high.id: low})
    assert done.rows == ()
    assert done.refused[high.id] == NO_STRONGER
    # A twin without any anomaly is not made, nor are its copies; the plan's every clip is accounted for.
    assert set(done.refused) == Plan((high,), {}).made_with((high,))
    assert not (tmp_path / "set").exists()


def test_every_clip_of_a_plan_is_named_and_counted_in_both_layouts() -> None:
    plan = Plan(tuple(scheme("wobble", "hiss").orders()), {})
    assert plan.clips == 8 + 1 + 6 == len(plan.made_with(plan.orders))
    assert plan.hours * 3600 == pytest.approx(15 * 2.0)
    assert plan.gibibytes * 2**30 == pytest.approx(15 * 2 * RATE * 2)
    for layout in ("clips", "dcase"):
        names = file_names(plan, layout)
        assert set(names) == plan.made_with(plan.orders)
        assert len(set(names.values())) == 15
    copies = [names[copy] for copy in plan.copies]
    assert all("_normal_" in name for name in copies)
    plain = Plan(plan.orders, {}, nuisances=False)
    assert plain.clips == 9
    assert plain.fingerprint != plan.fingerprint
    assert names.items() > file_names(plain, "dcase").items()  # copies come last


def test_rows_say_what_was_done_to_a_copy(tmp_path: Path, source: AudioRef) -> None:
    orders = tuple(scheme("hiss", severities=(1.0,)).orders())
    done = made(tmp_path / "set", source, orders)
    kinds = nuisances(orders[0].twin)
    rows = {row["id"]: row for row in done.rows if row["nuisance"] is not None}
    assert set(rows) == set(kinds)
    for copy, row in rows.items():
        said = dict(row["parameters"])  # type: ignore[call-overload]
        peak, version = said.pop("peak"), said.pop("version")
        again = type(kinds[copy])(**said)
        assert (again.name, again.version) == (row["nuisance"], version)
        heard = AudioRef(tmp_path / "set" / str(row["file_name"]), RATE, 0).read()
        assert np.array_equal(heard, stored(again.apply(recording(), RATE), recording()))
        assert peak == np.abs(heard).max()


def test_a_copy_beyond_full_scale_is_not_clipped(tmp_path: Path) -> None:
    loud = recording() * 4
    loud = (np.rint(loud / np.abs(loud).max() * 32000) / 32768).astype(np.float32)
    files.write(tmp_path / "source.wav", loud, RATE, "PCM_16")
    orders = tuple(scheme("hiss", severities=(0.125,)).orders())
    done = made(tmp_path / "set", AudioRef(tmp_path / "source.wav", RATE, 0), orders)
    (row,) = (row for row in done.rows if row["nuisance"] == "gain+3dB")
    heard = AudioRef(tmp_path / "set" / str(row["file_name"]), RATE, 0).read()
    assert np.abs(heard).max() > 1.3
    assert np.allclose(heard, loud * 10 ** (3 / 20), rtol=1e-6)


def test_clips_are_compared_as_their_files_hold_them() -> None:
    normal = recording()
    faint = stored(normal + np.float32(0.2 / 32768), normal)  # less than half a step of 16 bits
    assert problem(normal, faint, RATE) == NO_TRACE
    assert problem_of_copy(faint, normal, RATE) is not None
    audible = stored(normal + np.float32(0.8 / 32768), normal)
    assert problem(normal, audible, RATE) is None
    assert problem(normal, audible, RATE, audible) == NO_STRONGER
    floating = normal * np.float32(0.999)
    assert stored(floating, floating) is floating


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda audio: audio * np.float32("nan"), "NaN"),
        (lambda audio: audio * 0, "silent"),
        (lambda audio: audio[:, :-1], "shape"),
    ],
)
def test_broken_copies_and_anomalies(damage, word: str) -> None:
    normal = recording()
    assert word in str(problem(normal, damage(normal), RATE))
    assert word in str(problem_of_copy(damage(normal), normal, RATE))
