"""The average of a training's last steps: what it has learnt, without what the last batch made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from gensup.training.course import DECAY


class Ema:
    """An exponential moving average of parameters, in float32.

    The n-th update keeps min(decay, (1 + n) / (10 + n)) of the average, so that the random beginning is soon forgotten.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decay: float = DECAY) -> None:
        self.decay = decay
        self.updates = 0
        self.average = {name: value.detach().float().clone() for name, value in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Mapping[str, Tensor]) -> None:
        """Take in the parameters as they are now."""
        self.updates += 1
        kept = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in parameters.items():
            self.average[name].lerp_(value.detach().float(), 1 - kept)

    def restore(self, average: Mapping[str, Tensor], updates: int) -> None:
        """Continue where another left off."""
        for name, value in self.average.items():
            value.copy_(average[name])
        self.updates = updates

    @contextmanager
    def applied(self, parameters: Mapping[str, Tensor]) -> Iterator[None]:
        """Within it the parameters hold the average; after it what they held before."""
        before = {name: value.detach().clone() for name, value in parameters.items()}
        _set(parameters, self.average)
        try:
            yield
        finally:
            _set(parameters, before)


@torch.no_grad()
def _set(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    for name, parameter in parameters.items():
        parameter.copy_(values[name])
