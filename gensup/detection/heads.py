"""What losses share: their settings, centres on the unit sphere, and cross-entropy with soft targets."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """A loss reads what it knows; ``scale`` None is its own rule."""

    centres: int = 1  # sub-clusters, sub-centres or dimensions of a subspace, for each class
    margin: float = 0.2  # radians
    scale: float | None = None
    dynamic: bool = False  # the scale follows the batches
    trainable: bool = True  # the centres are; otherwise they stay where they were drawn


class Head(nn.Module):
    """Centres (classes x centres, dim), drawn by ``generator``; ``forward`` is the loss of a batch.

    Args:
        dim: numbers of an embedding.
        classes: at least 2.
    """

    def __init__(
        self, dim: int, classes: int, settings: HeadSettings, centres: int = 1, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if classes < 2:
            raise GensupError("one class only", value=classes, rule="a loss tells at least two classes apart")
        drawn = normalize(torch.randn(classes * centres, dim, generator=generator), dim=1)
        self.weight = nn.Parameter(drawn, requires_grad=settings.trainable)
        self.classes, self.centres, self.settings = classes, centres, settings

    def cosines(self, embeddings: Tensor) -> Tensor:
        """(B, classes x centres), class by class."""
        return normalize(embeddings, dim=1) @ normalize(self.weight, dim=1).T


def fixed_scale(count: int) -> float:
    """sqrt(2) log(count - 1) (Zhang et al., CVPR 2019); with two it would be 0, so it is taken for three."""
    return sqrt(2) * log(max(count, 3) - 1)


def cross_entropy(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of - sum of y log p; targets (B, classes) have rows of sum 1, as mixup leaves them."""
    return -(targets * log_probabilities).sum(dim=1).mean()


def margin_loss(cosines: Tensor, targets: Tensor, scale: float, margin: float) -> Tensor:
    """ArcFace for soft targets: each class that a row has a share of is the one with the margin, weighted by the share.

    Beyond pi - margin, where cos(theta + margin) would rise again, cos(theta) - margin sin(margin) goes on falling.
    """
    rows, classes = targets.nonzero(as_tuple=True)
    cos = cosines[rows, classes].clamp(-1 + 1e-7, 1 - 1e-7)
    m = torch.tensor(margin, dtype=cosines.dtype, device=cosines.device)
    turned = cos * torch.cos(m) - (1 - cos * cos).sqrt() * torch.sin(m)
    phi = torch.where(cos > -torch.cos(m), turned, cos - margin * torch.sin(m))
    logits = (scale * cosines[rows]).scatter(1, classes[:, None], (scale * phi)[:, None])
    picked = logits.log_softmax(dim=1).gather(1, classes[:, None])[:, 0]
    return -(targets[rows, classes] * picked).sum() / len(targets)
