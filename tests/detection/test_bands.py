"""librosa's mel spectra, against torchaudio's filters and a spectrum by the definition."""

from __future__ import annotations

import numpy as np
import pytest

from gensup._compat import ensure_torchaudio
from gensup.detection.bands import power_mel, slaney_filters


@pytest.mark.parametrize(("rate", "low", "high", "bands"), [(16_000, 0.0, 8000.0, 128), (16_000, 200.0, 8000.0, 64), (8000, 50.0, 4000.0, 20)])  # fmt: skip # noqa: E501
def test_filters_are_slaneys(rate: int, low: float, high: float, bands: int) -> None:
    ensure_torchaudio()
    from torchaudio.functional import melscale_fbanks

    wanted = melscale_fbanks(513, low, high, bands, rate, norm="slaney", mel_scale="slaney").numpy()
    np.testing.assert_allclose(slaney_filters(513, bands, rate, low, high), wanted, rtol=2e-5, atol=1e-6)


def test_power_is_of_centred_frames_that_end_in_silence() -> None:
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    found = power_mel(x, 8000, n_fft=256, hop=100, n_mels=16)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    padded = np.concatenate([np.zeros(128), x.astype(np.float64), np.zeros(128)])
    rows = []
    for start in range(0, 1000 + 1, 100):
        spectrum = np.abs(np.fft.rfft(padded[start : start + 256] * window)) ** 2
        rows.append(
            10 * np.log10(np.maximum(spectrum @ slaney_filters(129, 16, 8000, 0.0, 4000.0), 2.220446049250313e-16))
        )
    np.testing.assert_allclose(found, rows, rtol=1e-4, atol=1e-3)


def test_silence_is_at_the_floor() -> None:
    found = power_mel(np.zeros(600, np.float32), 8000, n_fft=256, hop=100, n_mels=16)
    np.testing.assert_allclose(found, 10 * np.log10(np.finfo(np.float64).eps), rtol=1e-6)
