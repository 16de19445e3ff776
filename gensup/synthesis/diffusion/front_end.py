"""What AudioLDM's VAE hears: a log-mel spectrogram of magnitudes, as its authors made it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.synthesis.diffusion.grid import Grid

LEAST = 1e-5  # of a mel magnitude, before its logarithm
PEAK = 0.5
SILENCE = 1e-8  # added to a peak, so that silence stays silence


def log_mel(audio: Tensor, grid: Grid, n_fft: int = 1024) -> Tensor:
    """(rows, 1, frames, bands) float32 of (rows, samples), on their device; ``peak_gain`` comes before it.

    Periodic Hann window of ``n_fft`` samples, frames centred every ``grid.hop`` samples with reflected edges,
    magnitudes (not powers), Slaney mel filters of equal area from 0 Hz to half the rate, natural logarithm of at
    least 1e-5. The last of the centred frames is dropped: samples / hop frames remain.

    Raises:
        ValueError: samples are not a whole number of the grid's hops, or fewer than reflection needs.
    """
    import torch

    samples = audio.shape[-1]
    if samples % grid.hop or samples <= n_fft // 2:
        raise ValueError(f"{samples} samples: no multiple of {grid.hop} that is more than {n_fft // 2}")
    window = torch.hann_window(n_fft, periodic=True, device=audio.device)
    spectrum = torch.stft(
        audio.float(), n_fft, hop_length=grid.hop, window=window, center=True, pad_mode="reflect", return_complex=True
    )
    filters = torch.from_numpy(slaney_filters(n_fft, grid.n_mels, grid.rate)).to(audio.device, torch.float32)
    mel = spectrum.abs()[..., : samples // grid.hop].transpose(1, 2) @ filters
    return mel.clamp(min=LEAST).log()[:, None]


def peak_gain(audio: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, samples) without their mean and with a peak of one half; and (rows, 1), what to multiply by to undo it.

    The mean is an offset of the microphone's electronics and is not given back. Silence stays silence.
    """
    centred = audio - audio.mean(dim=-1, keepdim=True)
    gain = (centred.abs().amax(dim=-1, keepdim=True) + SILENCE) / PEAK
    return centred / gain, gain


@cache
def slaney_filters(n_fft: int, n_mels: int, rate: int) -> NDArray[np.float64]:
    """Triangles of equal area on Slaney's mel scale, (n_fft // 2 + 1, n_mels), from 0 Hz to half the rate.

    The scale of the Auditory Toolbox (Slaney 1998), librosa's default: linear up to 1 kHz (15 mel), logarithmic above
    (27 mel from 1 kHz to 6.4 kHz). Each triangle is divided by half its width in Hz.
    """
    mels = np.linspace(0, _mel(rate / 2), n_mels + 2)
    edges_hz = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((np.maximum(mels, 15) - 15) / 27))
    bins_hz = np.linspace(0, rate / 2, n_fft // 2 + 1)
    rising = (bins_hz[:, None] - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz[:, None]) / (edges_hz[2:] - edges_hz[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges_hz[2:] - edges_hz[:-2])))


def _mel(hz: float) -> float:
    return float(hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4))
