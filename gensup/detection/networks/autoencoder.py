"""The autoencoder of the DCASE baselines: five frames of log-mel through a bottleneck of eight and back."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class AutoEncoder(nn.Module):
    """(B, inputs) -> (B, inputs); 640-128-128-128-128-8-128-128-128-128-640 with the default widths."""

    def __init__(self, inputs: int = 640, width: int = 128, bottleneck: int = 8) -> None:
        super().__init__()
        sizes = (inputs, width, width, width, width, bottleneck, width, width, width, width)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            # Keras' momentum of 0.99 is 0.01 in torch's way of counting, its epsilon 1e-3.
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after, momentum=0.01, eps=1e-3), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, inputs))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out
