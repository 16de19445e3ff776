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
    """A loss reads what it knows; ``scale`` None is its own rule.

    ``centres`` are sub-clusters, sub-centres or dimensions of a subspace: of each class, or of one class after another.
    Where a loss tells more classes apart than it names (augmentation makes blocks of them), it names them again and
    again. Of a class with one centre sub-centre ArcFace is ArcFace.
    """

    centres: int | tuple[int, ...] = 1
    margin: float = 0.2  # radians
    scale: float | None = None
    dynamic: bool = False  # the scale follows the batches
    trainable: bool = True  # the centres are; otherwise they stay where they were drawn


class Head(nn.Module):
    """Centres (all of them, dim), class by class, drawn by ``generator``; ``forward`` is the loss of a batch.

    Args:
        dim: numbers of an embedding.
        classes: at least 2.
        centres: as in ``HeadSettings``.

    Raises:
        GensupError: fewer classes, or centres of other classes than these.
    """

    place: Tensor
    lacking: Tensor

    def __init__(
        self,
        dim: int,
        classes: int,
        settings: HeadSettings,
        centres: int | tuple[int, ...] = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if classes < 2:
            raise GensupError("one class only", value=classes, rule="a loss tells at least two classes apart")
        each = (centres,) if isinstance(centres, int) else centres
        if not each or min(each) < 1 or classes % len(each):
            raise GensupError("centres of other classes", value=each, rule=f"one or more for each of {classes} classes")
        counts = torch.tensor(each).repeat(classes // len(each))
        drawn = normalize(torch.randn(int(counts.sum()), dim, generator=generator), dim=1)
        self.weight = nn.Parameter(drawn, requires_grad=settings.trainable)
        self.classes, self.settings = classes, settings
        self.even = len(set(each)) == 1
        nth = torch.arange(int(counts.max())).expand(classes, -1)
        first = counts.cumsum(0) - counts
        # (classes, most): the row of a class's nth centre, and which classes have no such one.
        self.register_buffer("lacking", nth >= counts[:, None], persistent=False)
        self.register_buffer("place", (first[:, None] + nth).masked_fill(self.lacking, 0), persistent=False)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """(B, centres), class by class."""
        return normalize(embeddings, dim=1) @ normalize(self.weight, dim=1).T

    def by_class(self, values: Tensor, fill: float) -> Tensor:
        """(B, classes, most) of (B, centres); ``fill`` where a class has fewer."""
        if self.even:
            return values.reshape(len(values), self.classes, -1)
        return values[:, self.place].masked_fill(self.lacking, fill)

    def directions(self) -> Tensor:
        """(classes, most, dim) centres of length 1; zeros where a class has fewer."""
        unit = normalize(self.weight, dim=1)
        if self.even:
            return unit.reshape(self.classes, -1, unit.shape[1])
        return unit[self.place].masked_fill(self.lacking[:, :, None], 0.0)


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
