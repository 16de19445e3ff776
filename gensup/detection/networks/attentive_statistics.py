"""Attentive statistics of a sequence (Okabe et al., 2018), with context as in ECAPA-TDNN (Desplanques et al., 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST = 1e-4  # a variance below this is rounding


class AttentiveStatistics(nn.Module):
    """(B, N, dim) tokens -> (B, out): weighted mean and deviation, by weights that each dimension learns for itself.

    The weights see each token beside the mean and deviation of all; the bottleneck is ``dim`` / 16 wide, as in ASDKit.
    """

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        narrow = max(1, dim // 16)
        self.attention = nn.Sequential(
            nn.Conv1d(3 * dim, narrow, 1), nn.ReLU(), nn.BatchNorm1d(narrow), nn.Tanh(), nn.Conv1d(narrow, dim, 1)
        )
        self.project = nn.Sequential(nn.BatchNorm1d(2 * dim), nn.Linear(2 * dim, out), nn.BatchNorm1d(out))

    def forward(self, tokens: Tensor) -> Tensor:
        x = tokens.transpose(1, 2)
        context = torch.cat([x, *(part.expand_as(x) for part in _statistics(x, None))], dim=1)
        weights = self.attention(context).softmax(dim=2)
        pooled: Tensor = self.project(torch.cat(_statistics(x, weights), dim=1)[:, :, 0])
        return pooled


def _statistics(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """(B, dim, 1) mean and deviation over the last axis."""
    if weights is None:
        weights = torch.full_like(x[:, :1], 1 / x.shape[2])
    mean = (weights * x).sum(dim=2, keepdim=True)
    variance = (weights * x * x).sum(dim=2, keepdim=True) - mean * mean
    return mean, variance.clamp(min=SMALLEST).sqrt()
