"""What a step of each network is: augmentation, embedding, loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gensup.augmentation.feat_ex import FeatEx
from gensup.augmentation.mixup import Mixup
from gensup.augmentation.stat_ex import StatEx
from gensup.detection.heads import HeadSettings
from gensup.detection.networks.seresnet import SpectrogramNetwork
from gensup.detection.networks.two_branch import TwoBranch
from gensup.detection.parts import LOSSES
from gensup.detection.training.classifying import Learner


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmented:
    """Probabilities a row; 0 leaves it out, and its classes too."""

    mixup: float = 0.0
    stat_ex: float = 0.0
    feat_ex: float = 0.0

    @property
    def blocks(self) -> int:
        """How many times the classes there are: StatEx and FeatEx of two branches have three each."""
        return (3 if self.stat_ex else 1) * (3 if self.feat_ex else 1)


class SpectrogramLearner(Learner):
    """Mixup of waveforms, StatEx of spectrograms, FeatEx of an embedding's two halves; one loss over all classes.

    Args:
        loss: a member of ``detection.losses``.
    """

    def __init__(
        self,
        network: SpectrogramNetwork,
        dim: int,
        classes: int,
        loss: str,
        settings: HeadSettings,
        augmented: Augmented,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network: SpectrogramNetwork = network
        self.augmented = augmented
        self.head: nn.Module = LOSSES.load(loss)(dim, augmented.blocks * classes, settings, generator)

    def loss(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        how, size = self.augmented, len(waveforms)
        mixed = Mixup(how.mixup).draw(size, rng)
        waveforms, targets = mixed.apply(waveforms), mixed.targets(targets)
        x = self.network.spectrogram(waveforms)
        if how.stat_ex:
            exchanged = StatEx(how.stat_ex).draw(size, rng)
            x, targets = exchanged.apply(x), exchanged.targets(targets)
        embedding: Tensor = self.network.body(x)
        if how.feat_ex:
            halves = FeatEx(2, how.feat_ex).draw(size, rng)
            embedding, targets = halves.apply(list(embedding.chunk(2, dim=1))), halves.targets(targets)
        found: Tensor = self.head(embedding.float(), targets)
        return found


class TwoBranchLearner(Learner):
    """SSL4ASD's two losses, of weight 1 each: over the classes, whose centres stay where they were drawn, and over
    those that StatEx and FeatEx make of them, whose centres are learnt."""

    def __init__(
        self,
        network: TwoBranch,
        dim: int,
        classes: int,
        loss: str,
        centres: int | tuple[int, ...],
        augmented: Augmented,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network: TwoBranch = network
        self.augmented = augmented
        kind = LOSSES.load(loss)
        self.plain: nn.Module = kind(dim, classes, HeadSettings(centres=centres, trainable=False), generator)
        more = augmented.blocks * classes
        self.exchanged: nn.Module = kind(dim, more, HeadSettings(centres=centres), generator)

    def loss(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        how, size = self.augmented, len(waveforms)
        mixed = Mixup(how.mixup).draw(size, rng)
        waveforms, targets = mixed.apply(waveforms), mixed.targets(targets)
        statistics = StatEx(how.stat_ex).draw(size, rng)
        branches = self.network.branches(waveforms, statistics.apply if how.stat_ex else None)
        branches = [branch.float() for branch in branches]
        plain: Tensor = self.plain(torch.cat(branches, dim=1), targets)
        more = statistics.targets(targets) if how.stat_ex else targets
        embedding = torch.cat(branches, dim=1)
        if how.feat_ex:
            features = FeatEx(2, how.feat_ex).draw(size, rng)
            embedding, more = features.apply(branches), features.targets(more)
        exchanged: Tensor = self.exchanged(embedding, more)
        return plain + exchanged
