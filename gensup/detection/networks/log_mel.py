"""Log-mel spectrograms of batches, as the first layer of a network: augmented waveforms are heard as any other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gensup.detection.bands import slaney_filters

FLOOR = 1e-10  # power


class LogMelLayer(nn.Module):
    """(B, samples) -> (B, frames, bands) in dB, from ``low`` to ``high`` Hz; there is nothing to learn in it."""

    window: Tensor
    filters: Tensor

    def __init__(self, rate: int, n_fft: int, hop: int, n_mels: int, low: float, high: float) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        filters = torch.from_numpy(slaney_filters(n_fft // 2 + 1, n_mels, rate, low, high)).float()
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            x = torch.stft(waveform.float(), self.n_fft, self.hop, window=self.window, return_complex=True)
            power = x.real.square() + x.imag.square()
            return 10 * torch.log10((power.transpose(1, 2) @ self.filters).clamp(min=FLOOR))
