"""The loss of rows of a step: latents under noise at drawn timesteps, and what the UNet says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

from gensup.rng import seed
from gensup.synthesis.finetuning.objective import Objective
from gensup.training.team import Team

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.family import Embedding

Predict: TypeAlias = "Callable[[Tensor, Tensor, Embedding], Tensor]"
"""A family's ``denoise``, with gradients: latents, timesteps (rows,), stacked embedding -> what the UNet says."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a step's batch, on the CPU."""

    latents: Tensor  # (rows, channels, height, width), scaled
    real: Tensor  # (rows, height) bool: what is not padding
    embedding: Embedding  # stacked


class Material(Protocol):
    """What is trained on, by step and row."""

    def part(self, step: int, rows: Sequence[int]) -> Part: ...


@dataclass(frozen=True, slots=True)
class Noising:
    """What a ``Trainer`` asks for: timesteps and noise of a row go by seed, step and row."""

    predict: Predict
    material: Material
    objective: Objective
    team: Team
    seed: int

    def __call__(self, step: int, rows: Sequence[int]) -> Tensor:
        part = self.material.part(step, rows)
        draws = [torch.Generator().manual_seed(seed("training", self.seed, step, row)) for row in rows]
        timesteps = torch.cat([torch.randint(self.objective.timesteps, (1,), generator=draw) for draw in draws])
        noise = torch.stack([torch.randn(part.latents.shape[1:], generator=draw) for draw in draws])
        return losses(self.predict, self.objective, self.team, part, noise, timesteps)


def losses(
    predict: Predict,
    objective: Objective,
    team: Team,
    part: Part,
    noise: Tensor,
    timesteps: Tensor,
    *,
    weighted: bool = True,
) -> Tensor:
    """(rows,): of a part under this noise at these timesteps (rows,), on the team's device."""
    latents, noise = part.latents.to(team.device), noise.to(team.device)
    real, timesteps = part.real.to(team.device), timesteps.to(team.device)
    embedding = {name: value.to(team.device) for name, value in part.embedding.items()}
    noised = objective.noised(latents, noise, timesteps)
    with team.autocast():
        predicted = predict(noised, timesteps, embedding)
    return objective.losses(predicted, latents, noise, timesteps, real, weighted=weighted)
