"""SEResNet18 on a high-passed log-mel spectrogram, trained to tell classes apart (Chu & Qian, NIVIC, DCASE 2025).

Their report gives no layers, epochs, loss settings or sizes: these are ASDKit's for its networks on spectrograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.by_classes import FromNothing
from gensup.detection.laid import high_passed, tiled
from gensup.detection.ranges import in_ranges

if TYPE_CHECKING:
    import torch

    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class SeResNet(FromNothing):
    """One embedding a clip, whose two halves FeatEx exchanges. Longer clips are cut."""

    seconds: float = 10.0
    high_pass: float = 200.0  # Hz; 0: none
    fmin: float = 200.0  # Hz
    fmax: float = 8000.0  # Hz, or half the rate
    n_fft: int = 1024
    hop: int = 512
    n_mels: int = 128
    dim: int = 256
    width: int = 64  # channels of the first stage
    loss: str = "ada-cos"
    margin: float = 0.2
    dynamic: bool = False  # the loss's scale follows the batches
    pseudo: str = "spectra"
    epochs: int = 16
    batch: int = 64

    name: ClassVar[str] = "seresnet"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        FromNothing.__post_init__(self)
        in_ranges(
            self, high_pass=(0, 20_000), fmin=(0, 20_000), fmax=(100, 400_000), n_fft=(64, 65536), hop=(1, 65536),
            n_mels=(8, 1024), width=(1, 1024), margin=(0, 1.5),
        )  # fmt: skip

    def course(self, steps: int) -> Course:
        """AdamW at one rate."""
        from gensup.training.course import Course

        return Course(
            steps=steps, batch=self.batch, rate=self.rate, warmup=0, clip=None, decay=None, dtype=self.dtype,
            validate_every=100, checkpoint_every=100, keep_at=(steps,),
        )  # fmt: skip

    def laid(
        self, samples: NDArray[np.float32], rate: int, rng: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """(samples of ``seconds``,) high-passed and tiled."""
        return tiled(high_passed(samples, rate, self.high_pass), round(self.seconds * rate))

    def learner(self, rate: int, classes: int, generator: torch.Generator, plain: Sequence[bool] = ()) -> Learner:
        from gensup.detection.heads import HeadSettings
        from gensup.detection.training.learners import Augmented, SpectrogramLearner

        settings = HeadSettings(centres=self.centres_by(plain), margin=self.margin, dynamic=self.dynamic)
        augmented = Augmented(mixup=self.mixup, stat_ex=self.stat_ex, feat_ex=self.feat_ex)
        return SpectrogramLearner(self.network(rate), self.dim, classes, self.loss, settings, augmented, generator)

    def network(self, rate: int) -> Any:
        from gensup.detection.networks.log_mel import LogMelLayer
        from gensup.detection.networks.seresnet import SeResNet18, SpectrogramNetwork

        layer = LogMelLayer(rate, self.n_fft, self.hop, self.n_mels, self.fmin, self.fmax)
        return SpectrogramNetwork(layer, SeResNet18(self.dim, self.width))
