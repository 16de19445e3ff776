"""The two branches of SSL4ASD (Wilkinghoff, ICASSP 2024): a spectrum of the whole clip, and a spectrogram.

Written from the description of the paper and of the author's repository (wilkinghoff/ssl4asd, main_statex+featex.py):
layers, widths and pooling are theirs; every convolution is without bias.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gensup.detection.networks.residual import Excitation, stages


class SpectrumBranch(nn.Module):
    """(B, samples) -> (B, dim): |FFT| of the clip, three strided convolutions, dense layers. The length is fixed."""

    def __init__(self, samples: int, dim: int = 128, width: int = 128) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *self._layer(1, width, 256, 64), *self._layer(width, width, 64, 32), *self._layer(width, width, 16, 4)
        )
        with torch.no_grad():
            flat = self.convolutions.eval()(torch.zeros(1, 1, samples // 2)).numel()
        self.convolutions.train()
        dense: list[nn.Module] = []
        for place in range(4):
            dense += [nn.Linear(flat if not place else width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        self.dense = nn.Sequential(*dense, nn.Linear(width, dim, bias=False))

    def forward(self, waveform: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(waveform.float()).abs()[:, None, : waveform.shape[1] // 2]
        out: Tensor = self.dense(self.convolutions(spectrum).flatten(1))
        return out

    @staticmethod
    def _layer(channels: int, width: int, kernel: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv1d(channels, width, kernel, stride, kernel // 2, bias=False),
            nn.ReLU(),
            Excitation(width),
        ]


class SpectrogramBranch(nn.Module):
    """(B, samples) -> (B, dim): magnitude STFT less its mean over time, residual stages, the maximum over time."""

    window: Tensor

    def __init__(self, dim: int = 128, width: int = 16, n_fft: int = 1024, hop: int = 512) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bins = n_fft // 2 + 1
        self.norm = nn.BatchNorm1d(bins)
        self.begin = nn.Sequential(
            nn.Conv2d(1, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.body = stages((width, 2 * width, 4 * width, 8 * width), width)
        rows = bins
        for _ in range(5):  # what halves: the first convolution, the pooling, three stages
            rows = (rows + 1) // 2
        self.end = nn.Sequential(nn.BatchNorm1d(8 * width * rows), nn.Linear(8 * width * rows, dim, bias=False))

    def spectrogram(self, waveform: Tensor) -> Tensor:
        """(B, frames, bins)."""
        found = torch.stft(waveform.float(), self.n_fft, self.hop, window=self.window, return_complex=True)
        return found.abs().transpose(1, 2)

    def forward(self, waveform: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """``change`` is done to the spectrograms: StatEx."""
        x = self.spectrogram(waveform)
        if change is not None:
            x = change(x)
        x = self.norm((x - x.mean(dim=1, keepdim=True)).transpose(1, 2))
        out: Tensor = self.end(self.body(self.begin(x[:, None])).amax(dim=3).flatten(1))
        return out


class TwoBranch(nn.Module):
    """Both, side by side: ``branches`` gives them apart, for FeatEx."""

    def __init__(self, samples: int, dim: int = 128, width: int = 128) -> None:
        super().__init__()
        self.spectrum = SpectrumBranch(samples, dim, width)
        self.image = SpectrogramBranch(dim, max(1, width // 8))

    def branches(self, waveform: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> list[Tensor]:
        """(B, dim) each: of the spectrum, and of the spectrogram."""
        return [self.spectrum(waveform), self.image(waveform, change)]

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.cat(self.branches(waveform), dim=1)
