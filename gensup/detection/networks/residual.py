"""Residual blocks with squeeze and excitation (He et al., CVPR 2016; Hu et al., CVPR 2018)."""

from __future__ import annotations

from torch import Tensor, nn


class Excitation(nn.Module):
    """Each channel is weighed by what all channels are on average."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        narrow = max(1, channels // ratio)
        self.weigh = nn.Sequential(
            nn.Linear(channels, narrow, bias=False),
            nn.ReLU(),
            nn.Linear(narrow, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, ...)."""
        weights = self.weigh(x.flatten(2).mean(dim=2))
        weighed: Tensor = x * weights.reshape(*weights.shape, *(1 for _ in x.shape[2:]))
        return weighed


class Block(nn.Module):
    """Two 3 x 3 convolutions, excitation, and what came in."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
            Excitation(out),
        )
        same = channels == out and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )
        self.end = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.end(self.path(x) + self.shortcut(x))
        return out


def stages(widths: tuple[int, ...], channels: int, blocks: int = 2) -> nn.Sequential:
    """Stages of so many blocks; every stage but the first halves time and frequency."""
    made: list[nn.Module] = []
    for place, width in enumerate(widths):
        for number in range(blocks):
            made.append(Block(channels, width, 2 if place and not number else 1))
            channels = width
    return nn.Sequential(*made)
