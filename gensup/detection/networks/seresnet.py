"""SEResNet18 on a spectrogram (He et al., CVPR 2016; Hu et al., CVPR 2018): what NIVIC 2025 trains with AdaCos."""

from __future__ import annotations

from torch import Tensor, nn

from gensup.detection.networks.log_mel import LogMelLayer
from gensup.detection.networks.residual import stages


class SeResNet18(nn.Module):
    """(B, time, bands) -> (B, dim). ``width`` 64 is the usual one; less is for tests and small data."""

    def __init__(self, dim: int = 256, width: int = 64) -> None:
        super().__init__()
        self.begin = nn.Sequential(
            nn.BatchNorm2d(1),
            nn.Conv2d(1, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.body = stages((width, 2 * width, 4 * width, 8 * width), width)
        self.end = nn.Linear(8 * width, dim)

    def forward(self, spectrogram: Tensor) -> Tensor:
        out: Tensor = self.end(self.body(self.begin(spectrogram[:, None])).mean(dim=(2, 3)))
        return out


class SpectrogramNetwork(nn.Module):
    """(B, samples) -> (B, dim): log-mel, then SEResNet18."""

    def __init__(self, spectrogram: LogMelLayer, body: SeResNet18) -> None:
        super().__init__()
        self.spectrogram, self.body = spectrogram, body

    def forward(self, waveform: Tensor) -> Tensor:
        embedding: Tensor = self.body(self.spectrogram(waveform))
        return embedding
