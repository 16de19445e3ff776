"""Log-mel by SciPy against torchaudio: the same numbers, edges included."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.audio import spectra
from gensup.audio.spectra import log_mel, mel_filters
from tests.support.torchaudio_reference import reference


@pytest.mark.parametrize(
    ("n_fft", "hop", "n_mels", "rate"), [(1024, 512, 128, 16000), (512, 160, 64, 16000), (2048, 512, 128, 44100)]
)
@pytest.mark.parametrize("length", [16000, 9999, 2049])
def test_equal_to_torchaudio(n_fft: int, hop: int, n_mels: int, rate: int, length: int) -> None:
    sound = np.random.default_rng(length).standard_normal(length) * 0.1
    settings = {"n_fft": n_fft, "hop": hop, "n_mels": n_mels}
    np.testing.assert_allclose(log_mel(sound, rate, **settings), reference(sound, rate, **settings), atol=1e-6)
    single = sound.astype(np.float32)
    assert log_mel(single, rate, **settings).dtype == np.float32
    np.testing.assert_allclose(log_mel(single, rate, **settings), reference(single, rate, **settings), atol=1e-2)


def test_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(4000, np.float32), 16000), -100, rtol=1e-6)


def test_filters_of_peak_one_that_overlap_by_half() -> None:
    filters = mel_filters(513, 20, 16000)
    assert filters.shape == (513, 20)
    assert 0.9 < filters.max(axis=0).min() <= 1
    # Between two neighbours' peaks their sum is one: triangles that cross at one half.
    inside = slice(int(filters[:, 0].argmax()) + 1, int(filters[:, -1].argmax()))
    np.testing.assert_allclose(filters.sum(axis=1)[inside], 1, atol=1e-9)


def test_too_short_for_reflection() -> None:
    with pytest.raises(ValueError, match="512 samples are too few"):
        log_mel(np.zeros(512, np.float32), 16000)


@pytest.mark.parametrize("frames", [63, 64, 65, 128, 150])
def test_frames_do_not_know_their_block(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    sound = np.random.default_rng(frames).standard_normal(512 * (frames - 1))
    blocks = log_mel(sound, 16000)
    assert blocks.shape == (frames, 128)
    monkeypatch.setattr(spectra, "FRAMES_AT_ONCE", 10**6)
    np.testing.assert_allclose(blocks, log_mel(sound, 16000), atol=1e-9)
