"""Networks and the arrays that they are kept as."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gensup.detection.parts import Arrays


def arrays_of(network: nn.Module) -> Arrays:
    """Parameters and buffers by name."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def filled(network: nn.Module, arrays: Arrays, device: str) -> nn.Module:
    """The network with these arrays, ready to hear; RuntimeError when they are another's."""
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return network.requires_grad_(False).eval().to(device)


@torch.inference_mode()
def embeddings(network: nn.Module, samples: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(clips, dim) of clips (samples,) of one length."""
    device = next(network.parameters()).device
    return np.asarray(network(torch.from_numpy(np.stack(samples)).to(device)).float().cpu().numpy())
