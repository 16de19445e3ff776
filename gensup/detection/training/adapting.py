"""A step of an adapted BEATs: mixup of waveforms, SpecAugment of filter banks, embedding, loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gensup.augmentation.mixup import Mixup
from gensup.augmentation.spec_augment import SpecAugment
from gensup.detection.heads import HeadSettings
from gensup.detection.networks.adapted_beats import AdaptedBeats
from gensup.detection.networks.beats import fbanks
from gensup.detection.parts import LOSSES
from gensup.detection.training.classifying import Learner


class BeatsLearner(Learner):
    """Filter banks are made of what was mixed, on the device, for each step anew: 10 ms a clip of 10 s on a CPU, where
    the network takes a second.

    Args:
        loss: a member of ``detection.losses``.
    """

    def __init__(
        self,
        network: AdaptedBeats,
        dim: int,
        classes: int,
        loss: str,
        settings: HeadSettings,
        mixup: Mixup,
        masks: SpecAugment,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network: AdaptedBeats = network
        self.head: nn.Module = LOSSES.load(loss)(dim, classes, settings, generator)
        self.mixup, self.masks = mixup, masks

    def loss(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        mixed = self.mixup.draw(len(waveforms), rng)
        # Half precision would be heard in the filter banks, and seen in cosines near 1.
        with torch.no_grad(), torch.autocast(waveforms.device.type, enabled=False):
            bank = fbanks(mixed.apply(waveforms))
            frames, bands = bank.shape[1:]
            bank = self.masks.draw((len(bank), frames, bands), rng).apply(bank)
        embeddings = self.network(bank)
        with torch.autocast(waveforms.device.type, enabled=False):
            found: Tensor = self.head(embeddings.float(), mixed.targets(targets))
        return found
