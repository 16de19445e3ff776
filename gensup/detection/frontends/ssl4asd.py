"""SSL4ASD (Wilkinghoff, ICASSP 2024): a spectrum and a spectrogram of a clip, embedded by what tells classes apart.

Settings are of the author's repository; ``rate`` is Adam's, which stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.by_classes import FromNothing
from gensup.detection.laid import tiled
from gensup.detection.ranges import in_ranges

if TYPE_CHECKING:
    import torch

    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssl4Asd(FromNothing):
    """One embedding a clip, of both branches side by side: 2 x ``dim`` numbers. Clips are tiled from anywhere on while
    the network is trained."""

    seconds: float = 18.0
    dim: int = 128  # of a branch
    width: int = 128  # channels of the spectrum's branch; the spectrogram's begins with an eighth
    loss: str = "sub-cluster-ada-cos"
    pseudo: str = "none"
    epochs: int = 10
    batch: int = 64

    name: ClassVar[str] = "ssl4asd"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        FromNothing.__post_init__(self)
        in_ranges(self, width=(8, 1024))

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

    def learner(self, rate: int, classes: int, generator: torch.Generator, plain: Sequence[bool] = ()) -> Learner:
        from gensup.detection.training.learners import Augmented, TwoBranchLearner

        augmented = Augmented(mixup=self.mixup, stat_ex=self.stat_ex, feat_ex=self.feat_ex)
        network, centres = self.network(rate), self.centres_by(plain)
        return TwoBranchLearner(network, 2 * self.dim, classes, self.loss, centres, augmented, generator)

    def network(self, rate: int) -> Any:
        from gensup.detection.networks.two_branch import TwoBranch

        return TwoBranch(round(self.seconds * rate), self.dim, self.width)
