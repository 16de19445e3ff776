"""What a UNet is trained to say, by its own scheduler: noise, velocity or the sample; padding counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensup._compat import ensure_torchaudio
from gensup.errors import GensupError

PREDICTIONS = ("epsilon", "v_prediction", "sample")


class Objective:
    """Noising and loss by a checkpoint's own scheduler configuration.

    Args:
        config: the scheduler's: betas, prediction type, number of training timesteps.
        min_snr: gamma of the min-SNR weighting (Hang et al. 2023); above 0; None weighs every timestep alike.

    Raises:
        GensupError: a prediction type that is none of ``PREDICTIONS``.
    """

    def __init__(self, config: Mapping[str, object], min_snr: float | None = None) -> None:
        ensure_torchaudio()
        from diffusers import DDPMScheduler

        # Which scheduler makes no difference here: betas are betas.
        scheduler: Any = DDPMScheduler.from_config(dict(config))  # type: ignore[no-untyped-call]
        self.prediction = str(scheduler.config.prediction_type)
        if self.prediction not in PREDICTIONS:
            raise GensupError(
                "a prediction type that cannot be trained",
                where="scheduler_config.json: prediction_type",
                value=self.prediction,
                rule=f"one of {', '.join(PREDICTIONS)}",
            )
        self.min_snr = min_snr
        self.kept: Tensor = (
            scheduler.alphas_cumprod.double()
        )  # (timesteps,), the share of the signal's power that is left

    @property
    def timesteps(self) -> int:
        return len(self.kept)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """``latents`` (rows, ...) at ``timesteps`` (rows,)."""
        signal, disturbance = self._levels(latents, timesteps)
        return signal * latents + disturbance * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the UNet is to say of the noised latents."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return latents
        signal, disturbance = self._levels(latents, timesteps)
        return signal * noise - disturbance * latents

    def weights(self, timesteps: Tensor) -> Tensor:
        """(rows,) float64: of each timestep's loss.

        min(SNR, gamma) of the error of the predicted sample, said in terms of what is predicted: the error of the noise
        is SNR times that, that of the velocity SNR + 1 times.
        """
        kept: Tensor = self.kept[timesteps.cpu()]
        if self.min_snr is None:
            return torch.ones_like(kept)
        ratio = kept / (1 - kept)
        if self.prediction == "epsilon":  # so, 0/0 at a last timestep without any signal is 1
            return (self.min_snr / ratio).clamp(max=1.0)
        capped = ratio.clamp(max=self.min_snr)
        return capped / (ratio + 1) if self.prediction == "v_prediction" else capped

    def losses(
        self,
        predicted: Tensor,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        real: Tensor,
        *,
        weighted: bool = True,
    ) -> Tensor:
        """(rows,) float32: the mean squared error of each row over its real part.

        Args:
            predicted: what the UNet said, (rows, channels, height, width) as ``latents`` and ``noise``.
            real: (rows, height) bool: which latent rows hold sound; a clip without any has no loss.
            weighted: by ``weights``.
        """
        wanted = self.target(latents.float(), noise.float(), timesteps)
        errors = (predicted.float() - wanted).square().mean(dim=(1, 3))
        mask = real.to(errors)
        # where and not times: what stands in the padding may be anything, and NaN times 0 is NaN.
        means = torch.where(real, errors, 0.0).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return means * self.weights(timesteps).to(means) if weighted else means

    def _levels(self, like: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        kept = self.kept[timesteps.cpu()].reshape(-1, *(1,) * (like.dim() - 1))
        return kept.sqrt().to(like), (1 - kept).sqrt().to(like)
