"""Sub-cluster AdaCos (Wilkinghoff, IJCNN 2021): each class has several centres, whose probabilities add up."""

from __future__ import annotations

from math import pi
from typing import ClassVar

import torch
from torch import Tensor

from gensup.detection.heads import Head, HeadSettings, cross_entropy, fixed_scale


class SubClusterAdaCos(Head):
    """Softmax over all centres, scale sqrt(2) log(centres - 1).

    Dynamic: s = log(mean sum of exp(s cos) over all centres, the own ones too) / cos(min(pi/4, median angle)), the
    angle of a row being the mean over its class's centres; targets that are mixed weigh it.
    """

    name: ClassVar[str] = "sub-cluster-ada-cos"
    scale: Tensor

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(dim, classes, settings, settings.centres, generator)
        self.register_buffer("scale", torch.tensor(settings.scale or fixed_scale(len(self.weight))))

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Of (B, dim) embeddings and (B, classes) targets."""
        cosines = self.cosines(embeddings)
        if self.training and self.settings.dynamic:
            self._follow(cosines.detach(), targets)
        each = (self.scale * cosines).log_softmax(dim=1)
        return cross_entropy(self.by_class(each, -torch.inf).logsumexp(dim=2), targets)

    def _follow(self, cosines: Tensor, targets: Tensor) -> None:
        angles = self.by_class(cosines.clamp(-1, 1).arccos(), torch.nan).nanmean(dim=2)
        median = (targets * angles).sum(dim=1).median()
        mean = (self.scale * cosines).logsumexp(dim=1).logsumexp(dim=0) - torch.log(torch.tensor(float(len(cosines))))
        self.scale.copy_(mean / torch.cos(median.clamp(max=pi / 4)))
