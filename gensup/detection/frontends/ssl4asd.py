"""SSL4ASD (Wilkinghoff, ICASSP 2024): a spectrum and a spectrogram of a clip, embedded by what tells classes apart.

Settings are of the author's repository; ``rate`` is Adam's, which stays as it is.
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
from gensup.detection.laid import tiled
from gensup.detection.learnt import Learnt, Untrained, restored, untrained
from gensup.detection.means import Means
from gensup.detection.parts import LOSSES, Arrays, Tokens
from gensup.detection.ranges import in_ranges

if TYPE_CHECKING:
    import torch

    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True)
class Ssl4Asd:
    """One embedding a clip, of both branches side by side: 2 x ``dim`` numbers."""

    seconds: float = 18.0  # shorter clips are tiled to it, from anywhere while the network is trained
    dim: int = 128  # of a branch
    width: int = 128  # channels of the spectrum's branch; the spectrogram's begins with an eighth
    loss: str = "sub-cluster-ada-cos"
    centres: int = 16  # of a class
    mixup: float = 0.5
    stat_ex: float = 0.5
    feat_ex: float = 0.5
    pseudo: str = "none"  # kind of pseudo-attributes for labels without an operating condition
    pseudo_groups: int = 0  # 0: as many as the criterion says
    epochs: int = 10
    steps: int = 0  # instead of epochs, above 0
    batch: int = 64
    rate: float = 1e-3
    dtype: Literal["float32", "bfloat16"] = "float32"

    name: ClassVar[str] = "ssl4asd"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.2
    trained: ClassVar[bool] = True
    together: ClassVar[int] = 64

    def __post_init__(self) -> None:
        in_ranges(
            self, seconds=(0.1, 600), dim=(2, 8192), width=(8, 1024), centres=(1, 1024), mixup=(0, 1), stat_ex=(0, 1),
            feat_ex=(0, 1), pseudo_groups=(0, 64), epochs=(1, 10_000), steps=(0, 10_000_000), batch=(2, 65536),
            rate=(1e-8, 1.0),
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
        """Adam at one rate, as published."""
        from gensup.training.course import Course

        return Course(
            steps=steps, batch=self.batch, rate=self.rate, warmup=0, weight_decay=0.0, clip=None, decay=None,
            dtype=self.dtype, validate_every=100, checkpoint_every=100, keep_at=(steps,),
        )  # fmt: skip

    def laid(
        self, samples: NDArray[np.float32], rate: int, rng: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """(samples of ``seconds``,) tiled, from a random sample on where ``rng`` is."""
        start = 0 if rng is None else int(rng.integers(len(samples)))
        return tiled(np.roll(samples, -start), round(self.seconds * rate))

    def learner(self, rate: int, classes: int, generator: torch.Generator) -> Learner:
        from gensup.detection.training.learners import Augmented, TwoBranchLearner

        augmented = Augmented(mixup=self.mixup, stat_ex=self.stat_ex, feat_ex=self.feat_ex)
        network = self._network(rate)
        return TwoBranchLearner(network, 2 * self.dim, classes, self.loss, self.centres, augmented, generator)

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
        from gensup.detection.networks.two_branch import TwoBranch

        return TwoBranch(round(self.seconds * rate), self.dim, self.width)
