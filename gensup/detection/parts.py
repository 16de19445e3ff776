"""The slots of a detector's chain, and who may stand in them: frontend, pooling, resample, backend, normalise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.clip import Json
from gensup.registry import Registry

if TYPE_CHECKING:
    from gensup.detection.examples import Examples
    from gensup.detection.means import Means

Vectors: TypeAlias = NDArray[np.float32]
"""(rows, dim), one row a clip."""

Scores: TypeAlias = NDArray[np.float64]
"""(clips,), higher = more anomalous."""

Params: TypeAlias = Mapping[str, Json]
"""Recipe paths and their values, e.g. {"pooling.decay": 0.46}."""

Arrays: TypeAlias = dict[str, NDArray[np.generic]]

STATE = "frontend//"
"""Before the names of a frontend's arrays in a safetensors file; no group of models is called so."""

FRONTENDS = Registry("gensup.detection.frontends", "frontend")
POOLINGS = Registry("gensup.detection.pooling", "pooling")
RESAMPLES = Registry("gensup.detection.resampling", "resampling")
BACKENDS = Registry("gensup.detection.backends", "backend")
LABELS = Registry("gensup.detection.labels", "pseudo-attribute")
LOSSES = Registry("gensup.detection.losses", "loss")
NORMALISES = Registry("gensup.detection.normalising", "normalisation of scores")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a frontend makes of one clip."""

    x: NDArray[np.float32]  # (time, freq, dim); freq = 1 for frame-wise features


class FittedFrontend(Protocol):
    """Turns clips into tokens."""

    name: ClassVar[str]
    version: ClassVar[int]  # part of every cache key: raise it when the numbers change
    per_clip_seconds: ClassVar[float]  # whether keeping the result beats making it again

    @property
    def fingerprint(self) -> str:
        """Of configuration and weights."""
        ...

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        """Tokens of one clip, (channels, samples); the first channel counts.

        Raises:
            GensupError: the clip is too short for one frame.
        """
        ...

    @property
    def n_parameters(self) -> int:
        """Numbers that its network holds."""
        ...

    def state(self) -> Arrays:
        """What was trained, for the detector's file; of pretrained weights only their SHA-256."""
        ...


@runtime_checkable
class Batching(Protocol):
    """A fitted frontend that can hear several clips in one pass of its network."""

    @property
    def batch(self) -> int:
        """Clips in a pass. More than one on a GPU alone, which is then used by a single process.

        Raises:
            GensupError: the device is not here.
        """
        ...

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        """``tokens`` of each clip; of clips of equal length in one pass they differ from those by rounding.

        Raises:
            GensupError: see ``FittedFrontend.tokens``.
        """
        ...


class Frontend(Protocol):
    """A recipe's frontend: frozen (its own fitted self), pretrained (it needs weights), or trained on normal clips."""

    name: ClassVar[str]
    version: ClassVar[int]
    per_clip_seconds: ClassVar[float]
    trained: ClassVar[bool]  # on the normal clips of a fit: those that are held out must not be among them

    def ready(self, normals: Examples, means: Means, seed: int) -> FittedFrontend:
        """What turns clips into tokens: small when pickled, for every worker gets it; weights stay in files.

        Args:
            normals: the clips that may be fitted on. A frontend that is not trained does not look at them.

        Raises:
            GensupError: weights that are not there, too few clips or labels to train on, or training that failed.
        """
        ...

    def untrained(self, means: Means) -> FittedFrontend:
        """Of the shape and speed of what ``ready`` returns, without training: what a candidate costs is asked of it.

        Raises:
            GensupError: weights that are not there.
        """
        ...

    def restore(self, file: Path, means: Means) -> FittedFrontend:
        """What ``ready`` returned, from a safetensors file that holds its ``state`` under names after ``STATE``.

        Raises:
            GensupError: arrays of another network, or pretrained weights that are not there or not those.
        """
        ...


class Pooling(Protocol):
    """Turns a clip's tokens into one vector."""

    name: ClassVar[str]
    version: ClassVar[int]

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> Sequence[Vectors]:
        """(dim,) of each configuration of a sweep, inside the worker that made the tokens."""
        ...


class FittedBackend(Protocol):
    """Scores vectors."""

    @property
    def dim(self) -> int:
        """Numbers in a vector that it scores."""
        ...

    def score(self, x: Vectors) -> Scores:
        """(rows,). One row's score does not depend on the other rows."""
        ...

    def state(self) -> Arrays:
        """What ``Backend.restore`` needs, in C order."""
        ...


class Backend(Protocol):
    """Fits the normal vectors of one group."""

    name: ClassVar[str]
    version: ClassVar[int]

    def unfit(self, rows: int) -> str | None:
        """Why it cannot be fitted on so few rows; None when it can."""
        ...

    def n_parameters(self, dim: int, rows: int) -> int:
        """Numbers that a model fitted on ``rows`` vectors of ``dim`` dimensions holds."""
        ...

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedBackend: ...

    def restore(self, arrays: Arrays) -> FittedBackend:
        """A fitted backend from its ``state``."""
        ...

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> NDArray[np.float64]:
        """(configs, queries): as if each configuration were fitted and scored alone, with the same seed."""
        ...


class Resample(Protocol):
    """Adds vectors to those that a back end is fitted on; scored vectors are left as they are."""

    name: ClassVar[str]
    version: ClassVar[int]

    def unfit(self, rows: int) -> str | None:
        """Why so few rows cannot be added to; None when they can."""
        ...

    def __call__(
        self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int
    ) -> tuple[Vectors, NDArray[np.bool_] | None]:
        """(rows + more, dim), the given ones first, and their domains."""
        ...


class Normalise(Protocol):
    """Makes scores of several models, or of several regions, comparable: fits one or more back ends and scales them."""

    name: ClassVar[str]
    version: ClassVar[int]

    def unfit(self, backend: Backend, rows: int) -> str | None:
        """Why it cannot be fitted on so few rows; None when it can."""
        ...

    def n_parameters(self, backend: Backend, dim: int, rows: int) -> int:
        """Numbers that the fitted models and their scales hold."""
        ...

    def fit(
        self, backend: Backend, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int
    ) -> FittedBackend: ...

    def restore(self, backend: Backend, arrays: Arrays) -> FittedBackend:
        """What ``fit`` returned, from its ``state``."""
        ...
