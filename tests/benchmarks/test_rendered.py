"""The rendered data set: its names, its bytes, its physics."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from benchmarks.rendered import CASES, GRADES, KINDS, Blower, Machine, Valve, render, render_failures
from benchmarks.rendered.gearbox import Gearbox
from benchmarks.rendered.pump import Pump
from benchmarks.rendered.rail import Rail
from gensup.audio.profile import find_events, measure
from gensup.metadata.names import parse
from gensup.rng import generator
from gensup.synthesis.physical import MECHANISMS

RATE = 16_000
BLOWER = Blower(shaft_hz=22.0, load=0.5)
VALVE = Valve(cycle_hz=2.0, open_share=0.4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered")
    assert render(root, seed=1, train=7, target=2, test=16, seconds=1.0) == ("ClickValve", "RotaryBlower")
    return root


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))


def test_it_is_dcase_shaped(folder: Path) -> None:
    clips = [parse(name) for name in names(folder)]
    assert len(clips) == 2 * (7 + 2 + 16)
    for clip in clips:
        assert clip.unparsed == ()
        assert clip.attributes
        assert None not in (clip.machine, clip.section, clip.domain, clip.split, clip.condition, clip.index)
    train = [clip for clip in clips if clip.split == "train"]
    assert {clip.condition for clip in train} == {"normal"}
    test = [clip for clip in clips if clip.split == "test" and clip.machine == "RotaryBlower"]
    assert [
        sum((c.domain, c.condition) == (d, k) for c in test)
        for d in ("source", "target")
        for k in ("normal", "anomaly")
    ] == [4] * 4
    assert {k for k, _ in test[0].attributes} == {"spd", "load"}
    # The target domain is set as the source never is.
    for machine in KINDS:
        settings = {
            d: {c.attributes for c in clips if (c.machine, c.domain) == (machine, d)} for d in ("source", "target")
        }
        assert not settings["source"] & settings["target"]


def test_clips_are_16_bit_and_not_clipped(folder: Path) -> None:
    for name in names(folder):
        rate, clip = wavfile.read(folder / name)
        assert (rate, clip.dtype, clip.shape) == (RATE, np.int16, (RATE,))
        assert 300 < np.abs(clip.astype(int)).max() < 32_000


def test_the_seed_fixes_the_bytes(folder: Path, tmp_path: Path) -> None:
    render(tmp_path / "a", seed=1, train=7, target=2, test=16, seconds=1.0)
    render(tmp_path / "b", seed=2, train=1, target=1, test=4, seconds=1.0)
    assert names(tmp_path / "a") == names(folder)
    for name in names(folder):
        assert (tmp_path / "a" / name).read_bytes() == (folder / name).read_bytes()
    for name in names(tmp_path / "b"):
        assert (tmp_path / "b" / name).read_bytes() != (folder / name).read_bytes()


def test_fewer_clips_are_the_same_clips(folder: Path, tmp_path: Path) -> None:
    render(tmp_path, seed=1, train=2, target=1, test=4, seconds=1.0)
    for name in names(tmp_path):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_every_fault_comes_in_every_grade() -> None:
    for kind in KINDS.values():
        turns = {(i % len(kind.failures), (i + i // len(kind.failures)) % len(GRADES)) for i in range(12)}
        assert len(turns) == len(kind.failures) * len(GRADES)


def sound(machine: Machine, seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    return machine.sound(generator("test", seed), round(seconds * RATE), RATE)


def test_the_blower_turns_as_fast_as_it_is_set() -> None:
    for shaft_hz in (18.0, 26.0):
        clips = [sound(replace(BLOWER, shaft_hz=shaft_hz), seed=i).astype(np.float32)[None] for i in range(5)]
        assert measure(clips, RATE).shaft_hz == pytest.approx(shaft_hz, rel=0.03)


def test_the_valve_cycles_as_fast_as_it_is_set() -> None:
    for cycle_hz in (1.5, 2.6):
        clips = [sound(replace(VALVE, cycle_hz=cycle_hz), seed=i).astype(np.float32)[None] for i in range(3)]
        profile = measure(clips, RATE)
        assert profile.cycle_hz == pytest.approx(cycle_hz, rel=0.05)
        assert profile.kind in ("impulsive", "intermittent")
    assert len(find_events(sound(VALVE).astype(np.float32)[None], RATE)) >= 7


def spectrum(clip: np.ndarray) -> np.ndarray:
    """Power in bins of 50 Hz."""
    power = np.abs(np.fft.rfft(clip)) ** 2
    return np.add.reduceat(power, np.arange(0, len(power) - 1, round(50 * len(clip) / RATE)))


def test_a_dry_bearing_sings_at_its_pitch() -> None:
    before, after = spectrum(sound(BLOWER)), spectrum(sound(replace(BLOWER, whine=0.005, whine_hz=3025.0)))
    assert np.argmax(after / before) == 60


def test_a_worn_mesh_spreads_into_sidebands() -> None:
    steady = {"mesh_error": 0.0, "load": 3.0, "teeth": 101}
    # A mesh line at 2222 Hz, sidebands a shaft rate apart: the energy leaves the middle.
    share = []
    for error in (0.0, 1.15):
        power = spectrum(sound(replace(BLOWER, **(steady | {"mesh_error": error}))))
        share.append(power[44] / power[42:47].sum())
    assert share[1] < share[0] - 0.05


def test_a_cracked_seat_rings_lower() -> None:
    before, after = (spectrum(sound(replace(VALVE, closing_hz=hz))) for hz in ((2300.0, 5200.0), (2000.0, 5200.0)))
    assert after[38:42].sum() > 2 * before[38:42].sum()
    assert after[44:48].sum() < before[44:48].sum()


def test_stick_slip_squeals() -> None:
    before, after = (spectrum(sound(replace(VALVE, squeal=level, squeal_hz=725.0))) for level in (0.0, 0.05))
    assert after[14] > 3 * before[14]


def test_there_are_cases_enough_and_their_mechanisms_exist() -> None:
    failures = [failure for kind in CASES.values() for failure in kind.failures]
    assert len(failures) >= 36
    assert {mechanism for failure in failures for mechanism in failure.like} <= set(MECHANISMS.names())
    for kind in CASES.values():
        assert len(kind.failures) >= 4
        # What is left in the hardest case is enough to choose with.
        assert all(0 < len(failure.like) <= 3 for failure in kind.failures)


def test_every_failure_is_another_machine() -> None:
    for kind in CASES.values():
        machine = kind.build(dict(kind.settings["source"][0]))
        for failure in kind.failures:
            broken = failure.breaks(machine, failure.scale, generator("test"))
            assert type(broken) is type(machine)
            assert broken != machine
            whole, other = (m.sound(generator("test"), RATE, RATE) for m in (machine, broken))
            assert np.abs(whole - other).max() > 1e-4


def test_failures_lie_apart(tmp_path: Path) -> None:
    kind = CASES["BeltRail"]
    places = [
        render_failures(
            tmp_path / name, "BeltRail", kind, seed=1, train=2, target=1, normals=4, anomalies=4, seconds=0.5
        )
        for name in ("a", "b")
    ]
    train, normals, anomalies = places[0]
    assert (len(list(train.iterdir())), len(list(normals.iterdir()))) == (3, 4)
    assert set(anomalies) == {failure.name for failure in kind.failures}
    for folder in (train, normals, *anomalies.values()):
        for path in folder.iterdir():
            clip = parse(path.relative_to(tmp_path / "a").as_posix())
            assert (clip.machine, clip.split) == ("BeltRail", "train" if folder == train else "test")
            assert clip.condition == ("anomaly" if folder in anomalies.values() else "normal")
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    first = [path.read_bytes() for folder in anomalies.values() for path in folder.iterdir()]
    assert len(set(first)) == len(first)


def bands(clip: np.ndarray, *edges_hz: float) -> np.ndarray:
    """Power between neighbouring edges."""
    power = np.abs(np.fft.rfft(clip)) ** 2
    places = [round(hz * len(clip) / RATE) for hz in edges_hz]
    return np.array([power[low:high].sum() for low, high in pairwise(places)])


def test_air_lowers_the_pipe() -> None:
    whole = Pump(crank_hz=6.0, rated_hz=6.0, seat_damping=0.3)
    broken = replace(whole, air=0.25)
    before, after = (bands(sound(machine), 125, 150, 170, 190) for machine in (whole, broken))
    assert after[0] / after[2] > 2 * before[0] / before[2]


def test_a_leaking_plunger_brings_back_the_crank() -> None:
    whole = Pump(crank_hz=6.0, rated_hz=6.0)
    before, after = (bands(sound(m), 5, 7, 17, 19) for m in (whole, replace(whole, delivered=(0.4, 1.0, 1.0))))
    assert after[0] / after[2] > 3 * before[0] / before[2]


def test_bubbles_collapse_at_high_frequencies() -> None:
    whole = Pump(crank_hz=6.0, rated_hz=6.0)
    before, after = (bands(sound(m), 5500, 7500) for m in (whole, replace(whole, cavitation=30.0)))
    assert after[0] > 2 * before[0]


def knocks(clip: np.ndarray) -> int:
    """Moments, a tenth of a second apart, at which the clip is much louder than it mostly is."""
    loud = np.flatnonzero(np.abs(clip) > 4 * np.abs(clip).std())
    return 1 + int(np.count_nonzero(np.diff(loud) > 0.1 * RATE))


def test_a_rail_turns_round_and_knocks() -> None:
    rail = Rail(cycle_hz=0.75, damper=1.0)
    assert 5 <= knocks(sound(rail)) <= 7
    # The pit is passed once a run.
    assert 10 <= knocks(sound(replace(rail, pit=1.0))) <= 14


def test_a_pitted_race_is_struck_once_a_ball() -> None:
    whole = Gearbox(shaft_hz=25.0, load=0.2)
    lines = []
    for machine in (whole, replace(whole, pitting=0.3)):
        envelope = np.abs(sound(machine))
        power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
        near = round(25 * 3.58 * 4)
        lines.append(power[near - 8 : near + 9].max() / np.median(power[near - 60 : near + 60]))
    assert lines[1] > 5 * lines[0]


def test_an_eccentric_wheel_spreads_the_mesh() -> None:
    whole = Gearbox(shaft_hz=25.0, load=1.0)
    share = []
    for machine in (whole, replace(whole, eccentric=0.5)):
        power = np.abs(np.fft.rfft(sound(machine))) ** 2
        mesh = 21 * 25 * 4
        beside = round(25 * 21 / 67 * 4)
        around = [power[mesh + k * beside - 12 : mesh + k * beside + 13].sum() for k in (-1, 0, 1)]
        share.append(around[1] / sum(around))
    assert share[1] < share[0] - 0.1
