"""AudioLDM's front end beside a plain NumPy one in double precision, SciPy's transform and torchaudio's filters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import ShortTimeFFT, get_window

from gensup._compat import ensure_torchaudio
from gensup.synthesis.diffusion.front_end import log_mel, peak_gain, slaney_filters
from gensup.synthesis.diffusion.grid import Grid

GRID = Grid(rate=16_000, hop=160, n_mels=64, factor=4, stride=8, channels=8, scaling=0.92)


def sounds(rows: int = 2, samples: int = 10_240) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(samples) / GRID.rate
    return 0.1 * rng.standard_normal((rows, samples)) + 0.3 * np.sin(2 * np.pi * 1000 * t)


def reference(audio: np.ndarray, grid: Grid) -> np.ndarray:
    """(frames, bands) in double precision, of the words of the description alone."""
    window = get_window("hann", 1024, fftbins=True)
    padded = np.pad(audio, 512, mode="reflect")
    frames = np.stack([padded[start : start + 1024] for start in range(0, len(audio), grid.hop)])
    magnitudes = np.abs(np.fft.rfft(frames * window, axis=1))
    return np.log(np.maximum(magnitudes @ torchaudio_filters(grid), 1e-5))


def torchaudio_filters(grid: Grid) -> np.ndarray:
    ensure_torchaudio()
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(513, 0.0, grid.rate / 2, grid.n_mels, grid.rate, norm="slaney", mel_scale="slaney")
    return filters.double().numpy()


@pytest.mark.parametrize(("rate", "n_mels"), [(16_000, 64), (16_000, 128), (48_000, 256)])
def test_filters_are_torchaudios(rate: int, n_mels: int) -> None:
    ours, theirs = slaney_filters(1024, n_mels, rate), torchaudio_filters(replace(GRID, rate=rate, n_mels=n_mels))
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * ours.max())  # theirs are in single precision
    # Each triangle has an area of one: in Hz, on a grid fine enough to see it.
    np.testing.assert_allclose(slaney_filters(2**18, n_mels, rate).sum(axis=0) * rate / 2**18, 1, rtol=1e-3)


@pytest.mark.parametrize("grid", [GRID, replace(GRID, hop=320, n_mels=80, rate=32_000)])
def test_a_log_mel_spectrogram(grid: Grid) -> None:
    audio = sounds()
    mel = log_mel(torch.from_numpy(audio), grid)
    assert mel.shape == (2, 1, 10_240 // grid.hop, grid.n_mels)
    assert mel.dtype == torch.float32
    for row in range(2):
        np.testing.assert_allclose(mel[row, 0].double().numpy(), reference(audio[row], grid), atol=2e-4)
    assert torch.equal(mel[:1], log_mel(torch.from_numpy(audio[:1]), grid))


def test_magnitudes_are_scipys() -> None:
    """The transform alone, by an independent implementation: inside, where edges do not matter."""
    audio = sounds(1)[0]
    transform = ShortTimeFFT(get_window("hann", 1024, fftbins=True), hop=160, fs=16_000, scale_to=None)
    first = transform.p_min
    magnitudes = np.abs(transform.stft(audio))[:, 10 - first : 50 - first]
    expected = np.log(np.maximum(magnitudes.T @ slaney_filters(1024, 64, 16_000), 1e-5))
    np.testing.assert_allclose(log_mel(torch.from_numpy(audio[None]), GRID)[0, 0, 10:50], expected, atol=2e-4)


def test_silence_is_the_floor() -> None:
    mel = log_mel(torch.zeros(1, 10_240), GRID)
    torch.testing.assert_close(mel, torch.full_like(mel, float(np.log(1e-5))))


def test_a_louder_sound_is_a_constant_higher() -> None:
    """Magnitudes, not powers: 20 dB are ln 10."""
    quiet, loud = (log_mel(torch.from_numpy(gain * sounds(1)), GRID) for gain in (1, 10))
    torch.testing.assert_close(loud - quiet, torch.full_like(quiet, float(np.log(10))), rtol=0, atol=1e-3)


def test_the_gain_can_be_undone() -> None:
    audio = torch.from_numpy(sounds()).float() * torch.tensor([[1.0], [1e-3]]) + 0.2
    normalised, gain = peak_gain(audio)
    assert gain.shape == (2, 1)
    torch.testing.assert_close(normalised.abs().amax(dim=1), torch.full((2,), 0.5), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.mean(dim=1), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalised * gain, audio - audio.mean(dim=1, keepdim=True))
    # As its authors wrote it.
    x = audio[1].double().numpy() - audio[1].double().numpy().mean()
    np.testing.assert_allclose(normalised[1], x / (np.abs(x).max() + 1e-8) * 0.5, atol=1e-4)
    silent, gain = peak_gain(torch.zeros(1, 100))
    assert not silent.any()
    assert 0 < float(gain) < 1e-7


@pytest.mark.parametrize("samples", [10_241, 480])
def test_sounds_off_the_grid(samples: int) -> None:
    with pytest.raises(ValueError, match=f"{samples} samples"):
        log_mel(torch.zeros(1, samples), GRID)
