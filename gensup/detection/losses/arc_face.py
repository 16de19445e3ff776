"""ArcFace (Deng et al., CVPR 2019): an angle is added to the own class's, so that classes keep a distance."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from gensup.detection.heads import Head, HeadSettings, margin_loss

SCALE = 30.0  # AnoPatch's family (Jiang et al., 2025: s = 30, m = 0.2)


class ArcFace(Head):
    """The margin is the own class's alone, and only while training."""

    name: ClassVar[str] = "arc-face"

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(dim, classes, settings, 1, generator)

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Of (B, dim) embeddings and (B, classes) targets."""
        margin = self.settings.margin if self.training else 0.0
        return margin_loss(self.cosines(embeddings), targets, self.settings.scale or SCALE, margin)
