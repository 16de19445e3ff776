"""Which twins are heard, and which part of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import write
from gensup.reporting.pairs import BUDGET, PAIRS, SECONDS, Pair, choose, excerpt, nearest_rung
from gensup.synthesis.twinset import SyntheticClip


def clip(
    name: str, twin: str, family: str | None = None, mechanism: str | None = None, severity: float = 0
) -> SyntheticClip:
    return SyntheticClip(
        id=name,
        file=Path(f"{name}.wav"),
        condition="anomaly" if family else "normal",
        caption="",
        twin=twin,
        source=twin,
        machine=None,
        section=None,
        domain=None,
        family=family,
        mechanism=mechanism,
        status="generic" if family else None,
        severity=severity,
        chain="none",
        sha256="",
    )


def twin_set(mechanisms: dict[str, str], twins: int, rungs: tuple[float, ...]) -> list[SyntheticClip]:
    clips = [clip(f"n{i}", f"n{i}") for i in range(twins)]
    for family, mechanism in mechanisms.items():
        clips += [clip(f"{family}-{s}-{i}", f"n{i}", family, mechanism, s) for s in rungs for i in range(twins)]
    return clips


def test_mechanisms_take_turns_and_the_heavier_family_comes_first() -> None:
    mechanisms = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "c1": "c", "c2": "c"}
    clips = twin_set(mechanisms, 8, (0.5, 1.0))
    read = dict.fromkeys(mechanisms, 1.0)
    chosen = choose(clips, read, {"a2": 0.5, "c2": 0.4, "b1": 0.1}, count=5)
    assert [pair.anomaly.family for pair in chosen] == ["a2", "b1", "c2", "a1", "c1"]


def test_pairs_stand_at_the_rung_nearest_as_a_ratio_and_come_from_different_recordings() -> None:
    mechanisms = dict.fromkeys("abcdefgh", "m")
    clips = twin_set(mechanisms, 8, (0.5, 1.0, 2.0, 4.0))
    # 1.45 is nearer to 2 than to 1 as a ratio, though not as a difference.
    chosen = choose(clips, dict.fromkeys(mechanisms, 1.45), {})
    assert len(chosen) == PAIRS
    assert {pair.anomaly.severity for pair in chosen} == {2.0}
    assert len({pair.normal.id for pair in chosen}) == 8
    assert all(pair.anomaly.twin == pair.normal.id for pair in chosen)
    assert choose(reversed(clips), dict.fromkeys(mechanisms, 1.45), {}) == chosen


def test_few_families_give_more_recordings_and_then_other_rungs() -> None:
    clips = twin_set({"hiss": "noise"}, 2, (0.5, 1.0, 4.0))
    chosen = choose(clips, {"hiss": 1.0}, {"hiss": 1.0})
    assert [pair.anomaly.severity for pair in chosen] == [1.0, 1.0, 0.5, 0.5, 4.0, 4.0]


def test_an_anomaly_without_its_twin_is_not_chosen() -> None:
    clips = [clip("n0", "n0"), clip("a", "n0", "hiss", "noise", 1.0), clip("b", "gone", "hiss", "noise", 1.0)]
    assert [pair.anomaly.id for pair in choose(clips, {"hiss": 1.0}, {})] == ["a"]


def test_nearest_rung_is_each_familys_own() -> None:
    clips = twin_set({"hiss": "noise", "rush": "noise", "knock": "event"}, 2, (1.0, 2.0))
    near = nearest_rung(clips, {"hiss": 1.1, "rush": 1.9})
    assert near == {"hiss-1.0-0", "hiss-1.0-1", "rush-2.0-0", "rush-2.0-1"}


def written(folder: Path, normal: np.ndarray, anomaly: np.ndarray, rate: int) -> Pair:
    files = []
    for name, sound in (("n", normal), ("a", anomaly)):
        files.append(folder / f"{name}.wav")
        write(files[-1], sound[None].astype(np.float32), rate, "FLOAT")
    made = [clip("n", "n"), clip("a", "n", "hiss", "noise", 1.0)]
    return Pair(*(SyntheticClip(**{**_fields(c), "file": file}) for c, file in zip(made, files, strict=True)))


def _fields(made: SyntheticClip) -> dict[str, object]:
    return {name: getattr(made, name) for name in SyntheticClip.__slots__}


def test_the_part_where_twins_differ_most_is_kept(tmp_path: Path) -> None:
    rate = 8000
    rng = np.random.default_rng(1)
    normal = 0.1 * rng.standard_normal(20 * rate)
    anomaly = normal.copy()
    anomaly[11 * rate : 16 * rate] += 0.2
    part = excerpt(written(tmp_path, normal, anomaly, rate))
    assert part.seconds == SECONDS
    assert 10 <= part.start <= 11
    assert part.whole == 20
    start = round(part.start * rate)
    np.testing.assert_array_equal(part.anomaly, anomaly[start : start + len(part.anomaly)].astype(np.float32))


def test_equal_or_short_twins_are_kept_from_the_start(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(1).standard_normal(4000)
    part = excerpt(written(tmp_path, sound, sound, 8000))
    assert (part.start, part.seconds) == (0, 0.5)


def test_high_rates_keep_to_the_budget(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(1).standard_normal(96_000 * 7)
    part = excerpt(written(tmp_path, sound, sound, 96_000))
    assert part.rate == 48_000
    assert 2 * 2 * PAIRS * len(part.normal) <= BUDGET


@pytest.mark.parametrize(("level", "gain"), [(0.5, 5.0), (1e-4, 30.0), (2.0, -7.1)])
def test_gain_brings_the_louder_twin_below_full_scale(tmp_path: Path, level: float, gain: float) -> None:
    sound = level * np.sin(np.arange(8000))
    part = excerpt(written(tmp_path, sound, sound / 2, 8000))
    assert part.gain_db == pytest.approx(gain, abs=0.051)
