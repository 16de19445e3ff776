"""Sub-centre ArcFace (Deng et al., ECCV 2020): a class may lie in several places; the nearest of its centres counts."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from gensup.detection.heads import Head, HeadSettings, margin_loss

SCALE = 30.0  # Jiang et al., 2025: s = 30, m = 0.2, 16 centres for classes without attributes


class SubCentreArcFace(Head):
    """The margin is the own class's alone, and only while training."""

    name: ClassVar[str] = "sub-centre-arc-face"

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(dim, classes, settings, settings.centres, generator)

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Of (B, dim) embeddings and (B, classes) targets."""
        nearest = self.by_class(self.cosines(embeddings), -torch.inf).amax(dim=2)
        margin = self.settings.margin if self.training else 0.0
        return margin_loss(nearest, targets, self.settings.scale or SCALE, margin)
