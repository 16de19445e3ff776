"""Spectra of one clip. Fourier transforms in double precision: runtimes' of other lengths than powers of 2 need it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from gensup._compat import ensure_torchaudio
from gensup.audio.spectra import POWER_FLOOR, mel_filters
from gensup.detection.bands import slaney_filters
from gensup.detection.networks import beats


class Power(nn.Module):
    """(1, samples) -> (frames, bins) power of centred frames under a periodic Hann window, in double precision.

    Args:
        edges: what is heard beyond the clip's ends: the clip mirrored, or silence.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int, edges: Literal["reflect", "constant"]) -> None:
        super().__init__()
        self.n_fft, self.hop, self.edges = n_fft, hop, edges
        self.register_buffer("window", torch.hann_window(n_fft, dtype=torch.float64))

    def forward(self, waveform: Tensor) -> Tensor:
        half = self.n_fft // 2
        padded = pad(waveform.double(), (half, half), mode=self.edges)[0]
        return power(padded.unfold(0, self.n_fft, self.hop) * self.window)


class Mel(nn.Module):
    """(1, samples) -> (frames, bands) dB.

    Args:
        filters: (bins, bands).
        floor: of the power.
    """

    filters: Tensor

    def __init__(self, spectrum: Power, filters: NDArray[np.float64], floor: float) -> None:
        super().__init__()
        self.spectrum, self.floor = spectrum, floor
        self.register_buffer("filters", torch.from_numpy(np.ascontiguousarray(filters)))

    def forward(self, waveform: Tensor) -> Tensor:
        powers: Tensor = self.spectrum(waveform) @ self.filters
        return (10 * torch.log10(powers.clamp(min=self.floor))).float()


class KaldiBank(nn.Module):
    """(1, samples) -> (frames, bands) log energies as torchaudio's ``kaldi.fbank``: 25 ms every 10 ms, from 20 Hz.

    Args:
        window: povey, or hanning.
        gain: of the samples; Kaldi counts in integers of 16 bits.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, rate: int, bands: int, window: Literal["povey", "hanning"], gain: float) -> None:
        super().__init__()
        ensure_torchaudio()
        from torchaudio.compliance import kaldi

        self.width, self.shift, self.gain = int(rate * 0.025), int(rate * 0.010), gain
        self.size = 1 << (self.width - 1).bit_length()
        shape = torch.hann_window(self.width, periodic=False, dtype=torch.float64)
        self.register_buffer("window", shape**0.85 if window == "povey" else shape)
        filters, _ = kaldi.get_mel_banks(bands, self.size, float(rate), 20.0, 0.0, 100.0, -500.0, 1.0)
        self.register_buffer("filters", pad(filters, (0, 1)).T.double().contiguous())

    def forward(self, waveform: Tensor) -> Tensor:
        frames = (waveform.double() * self.gain)[0].unfold(0, self.width, self.shift)
        frames = frames - frames.mean(dim=1, keepdim=True)
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        frames = (frames - 0.97 * before) * self.window
        energies: Tensor = power(pad(frames, (0, self.size - self.width))) @ self.filters
        return energies.clamp(min=torch.finfo(torch.float32).eps).log().float()


def power(frames: Tensor) -> Tensor:
    """(frames, bins) of (frames, samples)."""
    spectrum: Tensor = torch.fft.rfft(frames)
    found: Tensor = spectrum.real.square() + spectrum.imag.square()
    return found


def htk(rate: int, n_fft: int, hop: int, n_mels: int) -> Mel:
    """``audio.spectra.log_mel``."""
    return Mel(Power(n_fft, hop, "reflect"), mel_filters(n_fft // 2 + 1, n_mels, rate), POWER_FLOOR)


def slaney(
    rate: int, n_fft: int, hop: int, n_mels: int, low: float, high: float, edges: Literal["reflect", "constant"],
    floor: float,
) -> Mel:  # fmt: skip
    """``bands.power_mel`` and ``networks.log_mel``, which differ in edges and floor."""
    return Mel(Power(n_fft, hop, edges), slaney_filters(n_fft // 2 + 1, n_mels, rate, low, high), floor)


class BeatsBank(nn.Module):
    """(1, samples) at 16 kHz -> (frames, 128) normalised, see ``networks.beats.fbank``."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = KaldiBank(beats.RATE, beats.MELS, "povey", 2.0**15)

    def forward(self, waveform: Tensor) -> Tensor:
        found: Tensor = (self.bank(waveform) - beats.FBANK_MEAN) / (2 * beats.FBANK_STD)
        return found
