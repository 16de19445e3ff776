"""The rendered data set: its names, its bytes, its physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from benchmarks.rendered import GRADES, KINDS, Blower, Valve, render
from gensup.audio.profile import find_events, measure
from gensup.metadata.names import parse
from gensup.rng import generator

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
        turns = {(i % len(kind.faults), (i + i // len(kind.faults)) % len(GRADES)) for i in range(12)}
        assert len(turns) == len(kind.faults) * len(GRADES)


def sound(machine: Blower | Valve, seconds: float = 4.0, seed: int = 0) -> np.ndarray:
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
