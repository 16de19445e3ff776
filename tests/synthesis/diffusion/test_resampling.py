"""Between a machine's rate and a model's."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from gensup.synthesis.diffusion.resampling import resampled

PAIRS = [(48_000, 16_000), (44_100, 16_000), (32_000, 16_000), (16_000, 48_000), (16_000, 44_100), (16_000, 8_000)]
EDGE = 2000  # samples at either end that a filter's zeros reach


def tone(hz: float, rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32)[None]


def level_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(2 * np.mean(np.square(audio[:, EDGE:-EDGE], dtype=np.float64)) + 1e-30))


@pytest.mark.parametrize(("rate", "wanted"), PAIRS)
def test_what_passes_is_the_tone_itself(rate: int, wanted: int) -> None:
    for part in (0.02, 0.3, 0.6, 0.9):
        hz = part * min(rate, wanted) / 2
        found, true = resampled(tone(hz, rate), rate, wanted), tone(hz, wanted)
        assert found.dtype == np.float32
        assert found.shape == true.shape
        assert level_db(found - true) < -100  # in level and in phase; no image of it either


@pytest.mark.parametrize(("rate", "wanted"), [pair for pair in PAIRS if pair[0] > pair[1]])
def test_nothing_folds_back(rate: int, wanted: int) -> None:
    for part in (1.0, 1.05, 1.5):
        assert level_db(resampled(tone(part * wanted / 2 + 1, rate), rate, wanted)) < -110


@pytest.mark.parametrize(("rate", "wanted"), PAIRS)
def test_it_is_what_soxr_makes_of_noise_within_the_band(rate: int, wanted: int) -> None:
    noise = np.random.default_rng(0).standard_normal((1, rate))
    spectrum = np.fft.rfft(noise)
    spectrum[:, np.fft.rfftfreq(rate, 1 / rate) > 0.85 * min(rate, wanted) / 2] = 0  # where neither falls off
    noise = np.fft.irfft(spectrum, rate).astype(np.float32)
    ours, theirs = resampled(noise, rate, wanted), soxr.resample(noise.T, rate, wanted, "HQ").T
    assert ours.shape == theirs.shape
    assert level_db(ours - theirs) - level_db(theirs) < -70


def test_equal_rates_change_nothing() -> None:
    audio = tone(100, 16_000)
    assert resampled(audio, 16_000, 16_000) is audio
