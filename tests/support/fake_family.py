"""Families of models whose answers are known: what the loop makes of them can be worked out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gensup.synthesis.diffusion.family import Embedding
from gensup.synthesis.diffusion.loop import Condition

CONFIG = {
    "_class_name": "DDIMScheduler",
    "_diffusers_version": "0.20.0",
    "beta_start": 0.0015,
    "beta_end": 0.0195,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "trained_betas": None,
}
SHAPE = (2, 8, 4)


def condition(empty: float = 0.0, normal: float = 1.0, anomaly: float = 2.0) -> Condition:
    """Captions that are one number each."""
    return Condition(*({"text": torch.tensor([[number]])} for number in (empty, normal, anomaly)))


class FakeFamily:
    """Mixes neighbours (a convolution), the time and the caption; remembers the calls' widths."""

    name = "fake"
    scheduler_config = CONFIG

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.unet: nn.Module = nn.Conv2d(SHAPE[0], SHAPE[0], 3, padding=1).requires_grad_(False)
        self.widths: list[int] = []

    def stack(self, embeddings: Sequence[Embedding]) -> Embedding:
        return {"text": torch.cat([embedding["text"] for embedding in embeddings])}

    def denoise(self, latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        self.widths.append(len(latents))
        assert len(latents) == len(timestep) == len(embedding["text"])
        heard = torch.sin(self.unet(latents) + embedding["text"][..., None, None])
        mixed: Tensor = 0.7 * latents + 0.3 * heard + 1e-4 * timestep[:, None, None, None]
        return mixed


class KnowingFamily(FakeFamily):
    """Predicts the noise as well as can be done for data that are normal about the caption's number.

    Of deviation 0 they are that number, and every scheduler must end there. Else the probability flow from x at noise
    level sigma ends at number + (x - number) deviation / sqrt(deviation² + sigma²).
    """

    def __init__(self, deviation: float = 0.0) -> None:
        super().__init__()
        self.deviation = deviation
        betas = torch.linspace(CONFIG["beta_start"] ** 0.5, CONFIG["beta_end"] ** 0.5, 1000, dtype=torch.float64) ** 2
        kept = torch.cumprod(1 - betas, dim=0)
        self.sigmas = ((1 - kept) / kept).sqrt()

    def sigma(self, timestep: Tensor) -> Tensor:
        below = timestep.double().floor().long().clamp(max=998)
        return torch.lerp(self.sigmas[below], self.sigmas[below + 1], timestep.double() - below)

    def denoise(self, latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        self.widths.append(len(latents))
        sigma = self.sigma(timestep)[:, None, None, None]
        number = embedding["text"][..., None, None].double()
        there = latents.double() * (1 + sigma**2).sqrt()
        return (sigma * (there - number) / (self.deviation**2 + sigma**2)).float()
