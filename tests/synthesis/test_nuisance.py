"""Copies that are normal still: what each changes, measured, and what it leaves alone."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.signal import welch

from gensup.synthesis.noise_floor import floor_power
from gensup.synthesis.nuisance import Floor, Gain, Nuisance, Tilt, nuisances

RATE = 16_000
SECONDS = 10
EVERY = list(nuisances("a twin").values())
each = pytest.mark.parametrize("nuisance", EVERY, ids=[nuisance.name for nuisance in EVERY])


def noise(seed: int, channels: int = 1, seconds: float = SECONDS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.01 * rng.standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def bursts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a burst of 100 ms, 30 dB above it, every second; and which samples belong to bursts."""
    clip = noise(seed)
    loud = (np.arange(clip.shape[1]) + 8000) % RATE < RATE // 10
    return np.where(loud, clip * np.float32(10**1.5), clip), loud


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def none(nuisance: Nuisance) -> Any:
    """The same at 0 dB."""
    assert isinstance(nuisance, Gain | Tilt | Floor)
    return replace(nuisance, **{f.name: 0.0 for f in fields(nuisance) if "db" in f.name})


def test_what_is_done_to_a_twin() -> None:
    assert [nuisance.name for nuisance in EVERY] == [
        "gain+3dB", "gain-3dB", "tilt+0.5dB/octave", "tilt-0.5dB/octave", "floor+3dB", "floor-3dB",
    ]  # fmt: skip
    assert nuisances("a twin") == nuisances("a twin")
    assert not set(nuisances("a twin")) & set(nuisances("another"))
    clip = noise(1, seconds=1)
    first, other = (dict(enumerate(nuisances(twin).values()))[4].apply(clip, RATE) for twin in ("a twin", "another"))
    assert not np.array_equal(first, other)  # noise of its own


@each
def test_shape_type_and_input(nuisance: Nuisance) -> None:
    clip = noise(1, channels=2)
    clip.flags.writeable = False
    made = nuisance.apply(clip, RATE)
    assert (made.shape, made.dtype) == (clip.shape, np.float32)
    assert not np.shares_memory(made, clip)
    assert made.tobytes() == nuisance.apply(clip, RATE).tobytes()
    assert not np.array_equal(made[0], clip[0])
    assert not np.array_equal(made[1], clip[1])


@each
def test_nothing_is_the_input_bit_for_bit(nuisance: Nuisance) -> None:
    clip = noise(1, channels=2)
    clip[0, ::7] = -0.0
    clip[1, 5000:5100] = 0.0
    made = none(nuisance).apply(clip, RATE)
    assert made.tobytes() == clip.tobytes()
    assert not np.shares_memory(made, clip)


@each
def test_silence_stays_silent(nuisance: Nuisance) -> None:
    assert not nuisance.apply(np.zeros((1, RATE), dtype=np.float32), RATE).any()


@each
@pytest.mark.parametrize("samples", [1, 2, 17, 700, 1600])
def test_short_clips(nuisance: Nuisance, samples: int) -> None:
    made = nuisance.apply(noise(1)[:, :samples], RATE)
    assert made.shape == (1, samples)
    assert np.isfinite(made).all()


@each
def test_it_follows_the_clip_s_level(nuisance: Nuisance) -> None:
    clip, _ = bursts(1)
    assert np.allclose(nuisance.apply(clip / 16, RATE) * 16, nuisance.apply(clip, RATE), atol=2e-6)


@pytest.mark.parametrize("gain_db", [3.0, -3.0])
def test_gain_is_the_level(gain_db: float) -> None:
    clip, _ = bursts(2)
    made = Gain(gain_db=gain_db).apply(clip, RATE)
    assert level_db(made) - level_db(clip) == pytest.approx(gain_db, abs=0.001)
    assert np.allclose(made, clip * (made[0, 0] / clip[0, 0]), rtol=1e-6)


@pytest.mark.parametrize("slope", [0.5, -0.5])
def test_tilt_is_the_slope_of_band_levels_about_1_khz(slope: float) -> None:
    clip = noise(3)
    made = Tilt(db_per_octave=slope).apply(clip, RATE)
    spectra = [welch(audio[0], RATE, nperseg=4096)[1] for audio in (clip, made)]
    hz = np.arange(2049) * RATE / 4096
    edges = 1000 * 2.0 ** (np.arange(-12, 10) / 3 - 1 / 6)
    inside = [(hz >= low) & (hz < high) for low, high in pairwise(edges)]
    change = [10 * np.log10(spectra[1][band].mean() / spectra[0][band].mean()) for band in inside]
    octaves = np.arange(-12, 9) / 3
    fitted = np.polyfit(octaves, change, 1)
    assert fitted[0] == pytest.approx(slope, abs=0.01)
    assert fitted[1] == pytest.approx(0, abs=0.02)  # at 1 kHz
    assert np.abs(np.polyval(fitted, octaves) - change).max() < 0.1
    assert max(np.abs(change)) < 2.1


@pytest.mark.parametrize("floor_db", [3.0, -3.0])
def test_the_floor_moves_and_bursts_do_not(floor_db: float) -> None:
    clip, loud = bursts(4)
    made = Floor(floor_db=floor_db, seed=1).apply(clip, RATE)
    # 100 ms away from bursts: a filter's frames reach so far.
    near = np.convolve(loud, np.ones(2 * RATE // 10 + 1), mode="same") > 0
    assert level_db(made[:, ~near]) - level_db(clip[:, ~near]) == pytest.approx(floor_db, abs=0.5)
    assert abs(level_db(made[:, loud]) - level_db(clip[:, loud])) < 0.1
    for start in range(8000, clip.shape[1], RATE):
        part = slice(start, start + RATE // 10)
        assert abs(level_db(made[:, part]) - level_db(clip[:, part])) < 0.5


@pytest.mark.parametrize("floor_db", [3.0, -3.0])
def test_the_floor_moves_alike_at_all_frequencies(floor_db: float) -> None:
    rng = np.random.default_rng(5)
    coloured = np.convolve(rng.standard_normal(SECONDS * RATE + 2), [1, 0.9, 0.5], mode="valid")
    clip = (0.01 * coloured).astype(np.float32)[None]
    made = Floor(floor_db=floor_db, seed=2).apply(clip, RATE)
    before, after = (welch(audio[0], RATE, nperseg=512)[1][2:-2].reshape(-1, 11).mean(axis=1) for audio in (clip, made))
    assert np.abs(10 * np.log10(after / before) - floor_db).max() < 0.6


@pytest.mark.parametrize("floor_db", [3.0, -3.0])
def test_tones_stay(floor_db: float) -> None:
    t = np.arange(SECONDS * RATE) / RATE
    tones = {50.0: 0.05, 700.0: 0.02, 3000.0: 0.05}
    clip = noise(6) + sum(a * np.sin(2 * np.pi * hz * t) for hz, a in tones.items()).astype(np.float32)
    made = Floor(floor_db=floor_db, seed=3).apply(clip, RATE)
    for hz in tones:
        line = np.exp(2j * np.pi * hz * t)
        assert abs(20 * np.log10(abs(made[0] @ line) / abs(clip[0] @ line))) < 0.15


def test_added_noise_is_like_the_floor_and_not_like_the_clip() -> None:
    clip, _ = bursts(7)
    change = Floor(floor_db=10 * np.log10(2), seed=4).apply(clip, RATE) - clip
    # The power of the floor; a tenth of the clip is no floor and, with the frames it reaches into, adds half a decibel.
    assert -40.1 < level_db(change) < -39.2
    thirds = [level_db(part) for part in np.split(change[0, :159_999], 3)]
    assert np.ptp(thirds) < 0.2  # stationary
    assert abs(np.corrcoef(change[0], clip[0])[0, 1]) < 0.01


@pytest.mark.parametrize("hz", [25.0, 50.0, 110.0])
def test_the_floor_lies_between_harmonics_and_between_knocks(hz: float) -> None:
    clip = noise(8)
    t = np.arange(clip.shape[1]) / RATE
    hum = clip + sum(0.1 / k * np.sin(2 * np.pi * hz * k * t + k) for k in range(1, 20)).astype(np.float32)
    knocks = clip.copy()
    for start in range(2000, clip.shape[1] - 1600, 6400):
        knocks[0, start : start + 1600] += (0.3 * np.exp(-t[:1600] / 0.01) * np.sin(12_566 * t[:1600])).astype(
            np.float32
        )
    places = np.array([100.0, 200, 400, 800, 1600, 3200, 6400])
    for sound in (hum, knocks):
        over = 10 * np.log10(floor_power(sound, RATE, places)[0] / 1e-4)
        assert np.abs(over).max() < 4  # of tones and knocks up to 50 dB above it
        assert np.abs(over[3:]).max() < 1.2


def test_a_machine_that_rests_has_the_floor_of_its_rest() -> None:
    clip = noise(9)
    clip[:, : SECONDS * RATE // 2] *= 10
    over = 10 * np.log10(floor_power(clip, RATE, np.array([500.0, 2000, 6000]))[0] / 1e-4)
    # Half of the cells are loud: the quantile is that of the other half, at twice the rank.
    assert np.all((over > 1) & (over < 4.5))
