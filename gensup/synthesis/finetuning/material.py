"""What a row of a step is: a clip by the sampler, words by the mixture, a latent drawn anew, each by number alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import torch

from gensup.rng import seed
from gensup.synthesis.finetuning.latents import LatentCache, sample
from gensup.synthesis.finetuning.mixture import Mixture
from gensup.synthesis.finetuning.noising import Part
from gensup.synthesis.finetuning.sampler import Sampler

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.family import Embedding


class Stacks(Protocol):
    """What is used of a ``Family``."""

    def stack(self, embeddings: Sequence[Embedding]) -> Embedding: ...


class Drawn:
    """The material of a training: sampler, mixture and latents are of the same clips in the same order.

    Args:
        embeddings: of every caption that the mixture may draw.
        batch: clips a step.
    """

    def __init__(
        self,
        sampler: Sampler,
        mixture: Mixture,
        latents: LatentCache,
        family: Stacks,
        embeddings: Mapping[str, Embedding],
        batch: int,
    ) -> None:
        self.sampler, self.mixture, self.latents, self.family = sampler, mixture, latents, family
        self.embeddings, self.batch = embeddings, batch

    def part(self, step: int, rows: Sequence[int]) -> Part:
        """Rows of a step's batch; a clip's wrap goes by the step, its posterior's noise by step and row."""
        indices = self.sampler.draw(step, self.batch)
        captions = self.mixture.draw(step, indices)
        means, masks = [], []
        for row in rows:
            found = self.latents.get(int(indices[row]), step)
            draw = torch.Generator().manual_seed(seed("posterior", self.sampler.seed, step, row))
            means.append(sample(found.mean, found.log_variance, draw) * self.latents.grid.scaling)
            masks.append(found.mask)
        stacked = self.family.stack([self.embeddings[captions[row]] for row in rows])
        return Part(torch.stack(means), torch.stack(masks), stacked)
