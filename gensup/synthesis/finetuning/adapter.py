"""Which of a UNet's weights are trained, and how what they came to is left for the generators to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.rng import seed
from gensup.synthesis.diffusion.checkpoint import Checkpoint
from gensup.synthesis.diffusion.lora import TARGETS, save_adapter
from gensup.training.lora import apply_lora

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Trained:
    """The parameters that are trained, by their names in the UNet; ``rank`` None: all of them."""

    parameters: Mapping[str, nn.Parameter]
    rank: int | None

    @classmethod
    def of(cls, unet: nn.Module, rank: int | None, seed_: int = 0) -> Trained:
        """Make a UNet trainable, in place: low-rank adapters on its attention, or all of it.

        Raises:
            GensupError: no such rank, or no layer to adapt.
        """
        if rank is None:
            unet.requires_grad_(True)
        else:
            apply_lora(unet, rank, targets=TARGETS, seed=seed("adapter", seed_))
        return cls({name: weight for name, weight in unet.named_parameters() if weight.requires_grad}, rank)

    @property
    def count(self) -> int:
        """How many numbers are trained."""
        return sum(weight.numel() for weight in self.parameters.values())


def check_base(checkpoint: Checkpoint) -> None:
    """Refuse to train on what was trained: an adapter says the base it belongs to, and that is one checkpoint."""
    if checkpoint.adapters is not None:
        raise GensupError(
            "already fine-tuned",
            where=str(checkpoint.adapters),
            rule="an adapter belongs to a published checkpoint",
            remedy="name its base, and train on all clips at once",
        )


def write_adapter(
    folder: Path, checkpoint: Checkpoint, unet: nn.Module, weights: Mapping[str, Tensor], rank: int | None, step: int
) -> None:
    """Leave ``adapter.safetensors`` and ``adapter.json`` in a folder, for ``open_checkpoint``.

    Args:
        unet: the one that was trained; of a whole UNet its buffers are kept, too.
        weights: of the parameters that were trained, by name.
        step: of the training that they are of.

    Raises:
        GensupError: the folder cannot be written.
    """
    if rank is None:
        weights = {name: weights.get(name, value) for name, value in unet.state_dict().items()}
    if rank is None:
        save_adapter(folder, weights, checkpoint, kind="full", step=step)
    else:
        save_adapter(folder, weights, checkpoint, kind="lora", rank=rank, alpha=float(rank), step=step)
