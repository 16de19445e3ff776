"""SEResNet18 on a high-passed log-mel spectrogram, trained to tell classes apart (Chu & Qian, NIVIC, DCASE 2025).

Their report gives no layers, epochs, loss settings or sizes: these are ASDKit's for its networks on spectrograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.examples import Examples
from gensup.detection.laid import high_passed, tiled
from gensup.detection.learnt import Learnt, Untrained, restored, untrained
from gensup.detection.means import Means
from gensup.detection.parts import LOSSES, Arrays, Tokens
from gensup.detection.ranges import in_ranges

if TYPE_CHECKING:
    import torch

    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True)
class SeResNet:
    """One embedding a clip. Mixup, StatEx and FeatEx (of the embedding's halves) are probabilities a row."""

    seconds: float = 10.0  # shorter clips are tiled to it, longer ones cut
    high_pass: float = 200.0  # Hz; 0: none
    fmin: float = 200.0  # Hz
    fmax: float = 8000.0  # Hz, or half the rate
    n_fft: int = 1024
    hop: int = 512
    n_mels: int = 128
    dim: int = 256
    width: int = 64  # channels of the first stage
    loss: str = "ada-cos"
    centres: int = 16  # of a class, where the loss has several
    margin: float = 0.2
    dynamic: bool = False  # the loss's scale follows the batches
    mixup: float = 0.5
    stat_ex: float = 0.5
    feat_ex: float = 0.5
    pseudo: str = "spectra"  # for labels without an operating condition; none: they stay whole
    pseudo_groups: int = 0  # 0: as many as the criterion says
    epochs: int = 16
    steps: int = 0  # instead of epochs, above 0
    batch: int = 64
    rate: float = 1e-3
    dtype: Literal["float32", "bfloat16"] = "float32"

    name: ClassVar[str] = "seresnet"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.2
    trained: ClassVar[bool] = True
    together: ClassVar[int] = 64

    def __post_init__(self) -> None:
        in_ranges(
            self, seconds=(0.1, 600), high_pass=(0, 20_000), fmin=(0, 20_000), fmax=(100, 400_000), n_fft=(64, 65536),
            hop=(1, 65536), n_mels=(8, 1024), dim=(2, 8192), width=(1, 1024), centres=(1, 1024), margin=(0, 1.5),
            mixup=(0, 1), stat_ex=(0, 1), feat_ex=(0, 1), pseudo_groups=(0, 64), epochs=(1, 10_000),
            steps=(0, 10_000_000), batch=(2, 65536), rate=(1e-8, 1.0),
        )  # fmt: skip
        LOSSES.check(self.loss)

    def ready(self, normals: Examples, means: Means, seed: int) -> Learnt:
        from gensup.detection.training.classifying import classified

        return Learnt(self, classified(self, normals, means, seed), means.device)

    def untrained(self, means: Means) -> Untrained:
        return untrained(self, means.device)

    def restore(self, file: Path, means: Means) -> Learnt:
        return restored(self, file, means.device)

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

    def learner(self, rate: int, classes: int, generator: torch.Generator) -> Learner:
        from gensup.detection.heads import HeadSettings
        from gensup.detection.training.learners import Augmented, SpectrogramLearner

        settings = HeadSettings(centres=self.centres, margin=self.margin, dynamic=self.dynamic)
        augmented = Augmented(mixup=self.mixup, stat_ex=self.stat_ex, feat_ex=self.feat_ex)
        return SpectrogramLearner(self._network(rate), self.dim, classes, self.loss, settings, augmented, generator)

    def fresh(self, rate: int) -> Arrays:
        from gensup.detection.networks.opening import arrays_of

        return arrays_of(self._network(rate))

    def opened(self, arrays: Arrays, rate: int, device: str) -> Any:
        from gensup.detection.networks.opening import filled

        return filled(self._network(rate), arrays, device)

    def heard(self, network: Any, clips: Sequence[Audio], rate: int) -> list[Tokens]:
        from gensup.detection.networks.opening import embeddings

        rows = embeddings(network, [self.laid(audio[0], rate) for audio in clips])
        return [Tokens(row[None, None]) for row in rows]

    def _network(self, rate: int) -> Any:
        from gensup.detection.networks.log_mel import LogMelLayer
        from gensup.detection.networks.seresnet import SeResNet18, SpectrogramNetwork

        layer = LogMelLayer(rate, self.n_fft, self.hop, self.n_mels, self.fmin, self.fmax)
        return SpectrogramNetwork(layer, SeResNet18(self.dim, self.width))
