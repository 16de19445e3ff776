"""What frontends share that are trained to tell classes of normal clips apart.

Members of a kind do not know each other; what they have in common stands here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.augmentation.noise import NoiseMix
from gensup.detection.examples import Examples
from gensup.detection.learnt import Learnt, Untrained, restored, untrained
from gensup.detection.means import Means
from gensup.detection.parts import LOSSES, Arrays, Tokens
from gensup.detection.ranges import in_ranges

if TYPE_CHECKING:
    import torch

    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class ByClasses:
    """Settings of every training by classes. ``mixup`` and ``noise`` are probabilities a row."""

    seconds: float  # shorter clips are tiled to it
    dim: int
    loss: str
    centres: int = 16  # of a class, where the loss has several
    centres_of: Literal["all", "plain"] = "all"  # plain: of labels without an operating condition; others have one
    mixup: float = 0.5
    noise: float = 0.0  # a clip of noise is added to it; above 0, clips of noise are needed
    noise_snr_db: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0)  # SJTU-AITHU 2025; one of them is drawn
    noise_classes: bool = False  # what noise was added to is of a class of its own
    pseudo: str  # kind of pseudo-attributes for labels without an operating condition; none: they stay whole
    pseudo_groups: int = 0  # 0: as many as the criterion says
    epochs: int
    steps: int = 0  # instead of epochs, above 0
    batch: int

    name: ClassVar[str]
    version: ClassVar[int]
    per_clip_seconds: ClassVar[float]
    trained: ClassVar[bool] = True

    def __post_init__(self) -> None:
        in_ranges(
            self, seconds=(0.1, 600), dim=(2, 8192), centres=(1, 1024), mixup=(0, 1), noise=(0, 1),
            pseudo_groups=(0, 64), epochs=(1, 10_000), steps=(0, 10_000_000), batch=(2, 65536),
        )  # fmt: skip
        self.noise_mix()
        LOSSES.check(self.loss)

    def noise_mix(self) -> NoiseMix:
        """How noise is added; GensupError for ratios out of range."""
        return NoiseMix(self.noise_snr_db, self.noise)

    @property
    def idle(self) -> tuple[str, ...]:
        """Fields that change no training as they stand: it is called as it was before there were any."""
        noise = () if self.noise else ("noise", "noise_snr_db", "noise_classes")
        return noise if self.centres_of == "plain" else (*noise, "centres_of")

    def centres_by(self, plain: Sequence[bool]) -> int | tuple[int, ...]:
        """Centres of each class, given which of them name no operating condition."""
        if self.centres_of == "all":
            return self.centres
        return tuple(self.centres if one else 1 for one in plain)


class Classifier(ByClasses, ABC):
    """Settings that are complete: what ``training.classifying`` trains."""

    __slots__ = ()

    @abstractmethod
    def course(self, steps: int) -> Course:
        """How so many steps go."""

    @abstractmethod
    def laid(
        self, samples: NDArray[np.float32], rate: int, rng: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """(n,) as the network takes it, of one length for all clips; ``rng`` while it is trained."""

    @abstractmethod
    def learner(self, rate: int, classes: int, generator: torch.Generator, plain: Sequence[bool] = ()) -> Learner:
        """What is trained; ``plain``: which classes name no operating condition, block after block of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromNothing(Classifier):
    """A network whose weights are drawn, with StatEx and FeatEx: probabilities a row, too."""

    stat_ex: float = 0.5
    feat_ex: float = 0.5
    rate: float = 1e-3
    dtype: Literal["float32", "bfloat16"] = "float32"

    per_clip_seconds: ClassVar[float] = 0.2

    def __post_init__(self) -> None:
        Classifier.__post_init__(self)
        in_ranges(self, stat_ex=(0, 1), feat_ex=(0, 1), rate=(1e-8, 1.0))

    def ready(self, normals: Examples, means: Means, seed: int) -> Learnt:
        from gensup.detection.training.classifying import classified

        return Learnt(self, classified(self, normals, means, seed), means.device)

    def untrained(self, means: Means) -> Untrained:
        return untrained(self, means.device)

    def restore(self, file: Path, means: Means) -> Learnt:
        return restored(self, file, means.device)

    def fresh(self, rate: int) -> Arrays:
        from gensup.detection.networks.opening import arrays_of

        return arrays_of(self.network(rate))

    def opened(self, arrays: Arrays, rate: int, device: str) -> Any:
        from gensup.detection.networks.opening import filled

        return filled(self.network(rate), arrays, device)

    def heard(self, network: Any, audio: Audio, rate: int) -> Tokens:
        from gensup.detection.networks.opening import embedding

        return Tokens(embedding(network, self.laid(audio[0], rate))[None, None])

    @abstractmethod
    def network(self, rate: int) -> Any:
        """It, with drawn weights."""
