"""BEATs with an embedding of the whole clip, adapted to machines: by factors of low rank (LoRA), or all of it."""

from __future__ import annotations

import json

import torch
from torch import Tensor, nn

from gensup.detection.networks.attentive_statistics import AttentiveStatistics
from gensup.detection.networks.beats import Beats, BeatsConfig
from gensup.detection.parts import Arrays
from gensup.training.lora import apply_lora, fold_lora

TARGETS = ("q_proj", "v_proj")  # ASDKit's
CONFIG = "config"  # of the network, where all of it travels


class AdaptedBeats(nn.Module):
    """Filter banks (B, frames, 128) -> (B, dim): BEATs, attentive statistics of its tokens, a linear layer.

    What is trained is what has a gradient; its buffers say which BEATs it began from.

    Args:
        rank: of the factors on queries and values; None: every weight is trained.
        alpha: the factors' product is weighted by alpha / rank.
        sha256: of the weights that it began from.
    """

    base_sha256: Tensor

    def __init__(self, beats: Beats, dim: int, *, rank: int | None, alpha: float, sha256: str, seed: int = 0) -> None:
        super().__init__()
        if rank is None:
            beats.requires_grad_(True)
            said = json.dumps(beats.config.described(), sort_keys=True).encode()
            self.register_buffer(CONFIG, torch.tensor(list(said), dtype=torch.uint8))
        else:
            beats.freeze()
            apply_lora(beats, rank, alpha, targets=TARGETS, seed=seed)
        self.beats = beats
        width = beats.config.encoder_embed_dim
        self.pool = AttentiveStatistics(width, width)
        self.project = nn.Linear(width, dim)
        self.register_buffer("base_sha256", torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8))

    def forward(self, fbank: Tensor) -> Tensor:
        tokens: Tensor = self.beats(fbank)[0]
        with torch.autocast(tokens.device.type, enabled=False):
            pooled: Tensor = self.project(self.pool(tokens.float()))
        return pooled

    def kept(self) -> dict[str, Tensor]:
        """What travels: what is trained, and the buffers."""
        state = self.state_dict(keep_vars=True)
        return {n: v.detach() for n, v in state.items() if not isinstance(v, nn.Parameter) or v.requires_grad}

    def take(self, arrays: Arrays) -> None:
        """What ``kept`` gave; KeyError or RuntimeError when it is another network's."""
        wanted = self.kept().keys()
        if wanted != arrays.keys():
            raise KeyError(min(wanted ^ arrays.keys()))
        self.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in arrays.items()}, strict=False)

    def for_use(self, device: str, dtype: torch.dtype) -> AdaptedBeats:
        """No dropout, no gradients, factors in the weights; BEATs alone is in another precision."""
        fold_lora(self.beats)
        self.beats.freeze()
        self.eval().requires_grad_(False).to(device)
        self.beats.to(dtype)
        return self


def of_config(arrays: Arrays) -> Beats:
    """A BEATs of the architecture that the arrays speak of, whose weights are still to be filled in."""
    said = json.loads(bytes(arrays[CONFIG].astype("uint8")).decode())
    return Beats(BeatsConfig.of(said, "the detector's weights"))
