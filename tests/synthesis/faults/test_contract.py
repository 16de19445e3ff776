"""What every fault mechanism promises, over the registry."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gensup.audio.profile import SoundProfile, measure
from gensup.errors import GensupError
from gensup.registry import Registry
from gensup.synthesis.records import Params

RATE = 16_000
LADDER = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
MECHANISMS = Registry("gensup.synthesis.faults", "fault mechanism")
VARIANTS: dict[str, list[Params]] = {
    "amplitude-pattern": [{}, {"pattern": "random"}],
    "band-weaker": [{}, {"low_hz": 500, "high_hz": 3000}],
    "bearing-impacts": [{}, {"part": "inner"}, {"part": "ball"}, {"part": "cage"}],
    "dropout": [{}],
    "envelope-modulation": [{}, {"low_hz": 1000, "high_hz": 4000}],
    "event-added": [{}, {"timing": "random"}],
    "event-displaced": [{"mode": "delayed"}, {"mode": "doubled"}],
    "event-weaker": [{}],
    "mesh-sidebands": [{}],
    "noise-added": [{}, {"tilt_db": -6}],
    "rate-change": [{"direction": "faster"}, {"direction": "slower"}, {"direction": "flutter"}],
    "rattle": [{}],
    "resonance-shift": [{}, {"direction": "higher"}],
    "spectral-tilt": [{}, {"tilt_db": 2}],
    "stick-slip": [{}, {"timing": "random"}],
    "tone-added": [{}, {"rate_hz": 100, "harmonics": 6}],
}
CASES = [(name, said) for name in MECHANISMS.names() for said in VARIANTS[name]]
each = pytest.mark.parametrize(("name", "said"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])


def knocking(seed: int, channels: int = 1) -> np.ndarray:
    """Three seconds of noise with a knock every 400 ms."""
    rng = np.random.default_rng(seed)
    clip = 0.01 * rng.standard_normal((channels, 3 * RATE))
    for start in range(2000, 46_000, 6400):
        t = np.arange(1600) / RATE
        clip[:, start : start + 1600] += 0.3 * np.exp(-t / 0.01) * np.sin(2 * np.pi * 2000 * t)
    return clip.astype(np.float32)


@pytest.fixture(scope="module")
def profile() -> SoundProfile:
    return measure([knocking(seed) for seed in range(3)], RATE)


def drawn(profile: SoundProfile, name: str, said: Params, severity: float = 1.0, seed: int = 7) -> Any:
    return MECHANISMS.load(name).draw(profile, said, severity, np.random.default_rng(seed))


def moved_energy(before: np.ndarray, after: np.ndarray) -> float:
    """How much energy went how far, in time or in level: the distance between cumulated energies."""
    return float(np.abs(np.cumsum(after.astype(float) ** 2) - np.cumsum(before.astype(float) ** 2)).sum())


def moved_share(before: np.ndarray, after: np.ndarray) -> float:
    """The same of clips of equal energy: for what only moves, and loses a little where it no longer stands in phase."""
    return moved_energy(before / np.linalg.norm(before), after / np.linalg.norm(after))


def moved_early(before: np.ndarray, after: np.ndarray) -> float:
    """The same of the first 700 ms, where no change of speed moves a knock as far as the next one."""
    return moved_share(before[:, :11_200], after[:, :11_200])


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """How much of the sound is another one: for what takes here and gives there."""
    return float(np.linalg.norm(after - before))


def reshaped(before: np.ndarray, after: np.ndarray) -> float:
    """Mean distance in decibels of spectra in bands of 50 Hz: for what weighs or moves the spectrum."""
    powers = [np.abs(np.fft.rfft(clip[0])[:-1].reshape(-1, 150)) ** 2 for clip in (before, after)]
    return float(np.mean(np.abs(np.diff([10 * np.log10(power.sum(axis=1)) for power in powers], axis=0))))


DISTANCES = {
    "dropout": changed,
    "mesh-sidebands": changed,
    "rate-change": moved_early,
    "resonance-shift": reshaped,
    "spectral-tilt": reshaped,
}


def test_all_of_them_are_tried() -> None:
    assert set(MECHANISMS.names()) == set(VARIANTS)


@each
def test_shape_type_and_input(profile: SoundProfile, name: str, said: Params) -> None:
    clip = knocking(11, channels=3)
    clip.flags.writeable = False
    made = drawn(profile, name, said).apply(clip, RATE)
    assert made.shape == clip.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert not np.shares_memory(made, clip)
    for channel in range(3):
        assert not np.array_equal(made[channel], clip[channel])


@each
def test_the_sham_is_the_input_bit_for_bit(profile: SoundProfile, name: str, said: Params) -> None:
    clip = knocking(11, channels=2)
    clip[0, ::7] = -0.0
    clip[1, 5000:5100] = 0.0
    fault = drawn(profile, name, said)
    sham = replace(fault, severity=0.0).apply(clip, RATE)
    assert sham.tobytes() == clip.tobytes()
    assert not np.shares_memory(sham, clip)
    assert drawn(profile, name, said, severity=0.0).apply(clip, RATE).tobytes() == clip.tobytes()


@each
def test_more_severe_is_further_away(profile: SoundProfile, name: str, said: Params) -> None:
    clip = knocking(11)
    fault = drawn(profile, name, said)
    distance = moved_share if said.get("mode") == "delayed" else DISTANCES.get(name, moved_energy)
    distances = [distance(clip, replace(fault, severity=severity).apply(clip, RATE)) for severity in LADDER]
    assert distances[0] == 0
    assert distances[1] > 0
    # At a physical bound (the event is gone, the modulation complete) a ladder may go on level, never down.
    assert all(later >= earlier for earlier, later in pairwise(distances))
    assert distances[4] > 2 * distances[1]


@each
def test_what_is_drawn_does_not_depend_on_severity(profile: SoundProfile, name: str, said: Params) -> None:
    assert drawn(profile, name, said, 0.25) == replace(drawn(profile, name, said, 4.0), severity=0.25)
    assert drawn(profile, name, said, seed=1) != drawn(profile, name, said, seed=2)


@each
def test_it_is_deterministic_and_leaves_global_chance_alone(profile: SoundProfile, name: str, said: Params) -> None:
    clip = knocking(11)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tobytes()  # type: ignore[index, union-attr]  # noqa: NPY002
    first = drawn(profile, name, said).apply(clip, RATE)
    drawn(profile, name, said).apply(knocking(12), RATE)
    again = drawn(profile, name, said).apply(clip, RATE)
    assert first.tobytes() == again.tobytes()
    assert np.random.get_state()[1].tobytes() == before  # type: ignore[index, union-attr]  # noqa: NPY002


@each
@pytest.mark.parametrize("samples", [1, 2, 17, 700, 1600])
def test_short_clips(profile: SoundProfile, name: str, said: Params, samples: int) -> None:
    clip = knocking(11)[:, 2000 : 2000 + samples]
    for severity in (0.0, 1.0, 4.0):
        made = drawn(profile, name, said, severity).apply(clip, RATE)
        assert made.shape == clip.shape
        assert np.isfinite(made).all()


@each
def test_silence_stays_silent(profile: SoundProfile, name: str, said: Params) -> None:
    silence = np.zeros((1, RATE), dtype=np.float32)
    assert not drawn(profile, name, said, 4.0).apply(silence, RATE).any()


@each
def test_it_follows_the_clips_level(profile: SoundProfile, name: str, said: Params) -> None:
    clip = knocking(11)
    fault = drawn(profile, name, said)
    change = fault.apply(clip, RATE) - clip
    quieter = fault.apply(clip / 8, RATE) - clip / 8
    assert np.allclose(quieter * 8, change, atol=2e-5)


@each
def test_rows_are_checked(profile: SoundProfile, name: str, said: Params) -> None:
    mechanism = MECHANISMS.load(name)
    known = next(iter(mechanism.ALLOWED.quantities))
    with pytest.raises(GensupError, match=f"did you mean {known}"):
        drawn(profile, name, {f"{known}x": 1})
    for wrong in (1e9, "loud", [2, 1], [1, 2, 3], [], True, float("nan"), {"low": 1}, [None, 1]):
        with pytest.raises(GensupError, match=known):
            drawn(profile, name, {known: wrong})
        with pytest.raises(GensupError, match=known):
            mechanism.inapplicable(profile, {known: wrong})
    for word in mechanism.ALLOWED.words:
        with pytest.raises(GensupError, match=f"{word}: not one of the words"):
            drawn(profile, name, {word: "sometimes"})


@each
@pytest.mark.parametrize("severity", [-1.0, float("nan"), float("inf")])
def test_severity_is_checked(profile: SoundProfile, name: str, said: Params, severity: float) -> None:
    with pytest.raises(GensupError, match="not a severity"):
        drawn(profile, name, said, severity)
    with pytest.raises(GensupError, match="not a severity"):
        replace(drawn(profile, name, said), severity=severity)


@each
def test_a_row_overrides_the_defaults(profile: SoundProfile, name: str, said: Params) -> None:
    mechanism = MECHANISMS.load(name)
    for quantity, allowed in mechanism.ALLOWED.quantities.items():
        if quantity in ("rate_hz", "per_turn", "low_hz", "high_hz"):  # these meet the profile first
            continue
        middle = (allowed.least + allowed.most) / 2
        value = getattr(drawn(profile, name, dict(said) | {quantity: middle}), quantity)
        counted = isinstance(value, int)
        assert value == (round(middle) if counted else pytest.approx(min(middle, 7200)))
        ends = [allowed.least, middle]
        values = [
            getattr(drawn(profile, name, dict(said) | {quantity: ends}, seed=seed), quantity) for seed in range(20)
        ]
        assert all(allowed.least <= value <= middle + counted for value in values)
        assert len(set(values)) > (5 if counted else 10)
