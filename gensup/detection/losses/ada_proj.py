"""AdaProj (Wilkinghoff, 2024): a class is a linear subspace; an embedding is compared with its projection onto it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gensup.detection.heads import Head, HeadSettings, cross_entropy, fixed_scale


class AdaProj(Head):
    """``centres`` unit vectors span the subspace of a class; logit s <x, p> with p = normalise(sum of <x, w> w)."""

    name: ClassVar[str] = "ada-proj"

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(dim, classes, settings, settings.centres, generator)
        self.scale = settings.scale or fixed_scale(classes)

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Of (B, dim) embeddings and (B, classes) targets."""
        x = normalize(embeddings, dim=1)
        basis = self.directions()
        parts = torch.einsum("bd,ckd->bck", x, basis)
        projected = normalize(torch.einsum("bck,ckd->bcd", parts, basis), dim=2)
        logits = self.scale * torch.einsum("bd,bcd->bc", x, projected)
        return cross_entropy(logits.log_softmax(dim=1), targets)
