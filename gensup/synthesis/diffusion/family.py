"""What a family of text-to-audio models is asked for: four things, and what its configurations say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeAlias

from gensup.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gensup.captions.tokens import Limit
    from gensup.synthesis.diffusion.checkpoint import Checkpoint
    from gensup.synthesis.diffusion.grid import Grid

FAMILIES = Registry("gensup.synthesis.diffusion.families", "family of text-to-audio models")

Embedding: TypeAlias = Mapping[str, "Tensor"]
"""What the UNet is told of one caption: tensors by a family's own names, each with a first axis of length 1."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the VAE takes a mel spectrogram for: (rows, channels, frames / factor, bands / factor), not scaled."""

    mean: Tensor
    log_variance: Tensor


class Family(Protocol):
    """One checkpoint of a family, on one device, in one dtype, in evaluation mode and without gradients.

    Encoders of text are loaded by the first ``encode_text`` and let go by ``unload_encoders``; the other parts likewise
    when they are first asked for.
    """

    name: ClassVar[str]
    guidance: ClassVar[float]  # towards a caption, as its pipeline has it by default

    @classmethod
    def open(cls, checkpoint: Checkpoint, device: str = "cpu", dtype: str = "float32") -> Self:
        """Read the configurations; no weight is loaded yet. Dtypes: float32, bfloat16, float16."""
        ...

    @property
    def grid(self) -> Grid: ...

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Of its text encoders, with their tokenizers."""
        ...

    @property
    def unet(self) -> nn.Module: ...

    @property
    def scheduler_config(self) -> Mapping[str, object]:
        """The checkpoint's own: betas, prediction type, offsets. Any scheduler of diffusers is made from it."""
        ...

    def encode_text(self, captions: Sequence[str]) -> tuple[Embedding, ...]:
        """One a caption, each alone, so that it depends on nothing else; "" is the unconditional branch."""
        ...

    def unload_encoders(self) -> None: ...

    def stack(self, embeddings: Sequence[Embedding]) -> Embedding:
        """Rows of a batch out of single ones, padded where lengths differ, with a mask that makes padding count for
        nothing."""
        ...

    def encode_audio(self, mel: Tensor) -> Posterior:
        """Of log-mel spectrograms (rows, 1, frames, bands), see ``front_end``."""
        ...

    def denoise(self, latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        """One UNet call: what it predicts for (rows, channels, height, width), under a stacked embedding."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """(rows, samples) float32 on the CPU's or the device's side, of scaled latents."""
        ...
