"""Which lengths a latent diffusion model can make, and what it takes sound for: read from its own configurations."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Sound as a model counts it: samples, mel frames, latent rows."""

    rate: int  # Hz
    hop: int  # samples a mel frame
    n_mels: int
    factor: int  # mel frames (and bands) a latent row (and column)
    stride: int  # latent rows must be a multiple of this: the UNet halves them so often
    channels: int  # of a latent
    scaling: float  # what a VAE's latent is multiplied by

    def frames(self, seconds: float) -> int:
        """Mel frames of the shortest sound on the grid that lasts at least so long."""
        step = self.factor * self.stride
        return step * ceil(round(seconds * self.rate / self.hop, 6) / step)

    def samples(self, seconds: float) -> int:
        """Samples of that sound."""
        return self.frames(seconds) * self.hop

    def latent(self, seconds: float) -> tuple[int, int, int]:
        """(channels, rows, columns) of its latent."""
        return self.channels, self.frames(seconds) // self.factor, self.n_mels // self.factor
