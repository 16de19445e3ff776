"""AdaCos (Zhang et al., CVPR 2019): a softmax of cosines; the scale is fixed by the classes, or follows the batches."""

from __future__ import annotations

from math import pi
from typing import ClassVar

import torch
from torch import Tensor

from gensup.detection.heads import Head, HeadSettings, cross_entropy, fixed_scale


class AdaCos(Head):
    """Dynamic: s = log(B) / cos(min(pi/4, median angle)), with B the mean sum of exp(s cos) over the other classes."""

    name: ClassVar[str] = "ada-cos"
    scale: Tensor

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(dim, classes, settings, 1, generator)
        self.register_buffer("scale", torch.tensor(settings.scale or fixed_scale(classes)))

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Of (B, dim) embeddings and (B, classes) targets."""
        cosines = self.cosines(embeddings)
        if self.training and self.settings.dynamic:
            self._follow(cosines.detach(), targets)
        return cross_entropy((self.scale * cosines).log_softmax(dim=1), targets)

    def _follow(self, cosines: Tensor, targets: Tensor) -> None:
        angle = (targets * cosines.clamp(-1, 1).arccos()).sum(dim=1).median()
        others = (self.scale * cosines).masked_fill(targets > 0, -torch.inf)
        # The logarithm of the batch's mean of sums, without the exponentials that could overflow.
        mean = others.logsumexp(dim=1).logsumexp(dim=0) - torch.log(torch.tensor(float(len(cosines))))
        self.scale.copy_(mean / torch.cos(angle.clamp(max=pi / 4)))
