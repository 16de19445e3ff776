"""Vectors of clips: frontend and every pooling of a sweep in one pass over the sound, in the engine's workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import AudioRef
from gensup.detection.examples import Examples
from gensup.detection.parts import FittedFrontend, Pooling
from gensup.engine import Engine, collect
from gensup.errors import GensupError

CLIPS_A_TASK = 16


@dataclass(frozen=True, slots=True)
class _Embed:
    """One worker's task: the pooled vectors of a few clips. Tokens never leave the worker."""

    doing = "features"

    frontend: FittedFrontend
    poolings: tuple[Pooling, ...]

    def __call__(self, clips: Sequence[AudioRef]) -> NDArray[np.float32]:
        return np.stack([self._pooled(clip) for clip in clips], axis=1)

    def _pooled(self, clip: AudioRef) -> NDArray[np.float32]:
        try:
            tokens = self.frontend.tokens(clip.read(), clip.rate)
        except GensupError as error:
            if error.where:
                raise
            raise GensupError(
                error.what, where=str(clip.path), value=error.value, rule=error.rule, remedy=error.remedy
            ) from None
        rows: dict[int, NDArray[np.float32]] = {}
        for kind in {type(pooling) for pooling in self.poolings}:
            places = [i for i, pooling in enumerate(self.poolings) if type(pooling) is kind]
            vectors = kind.pool_many(tokens, [self.poolings[i] for i in places])
            rows |= dict(zip(places, vectors, strict=True))
        return np.stack([rows[i] for i in range(len(self.poolings))])


def pooled(
    engine: Engine, examples: Examples, frontend: FittedFrontend, poolings: Sequence[Pooling]
) -> NDArray[np.float32]:
    """(poolings, clips, dim): one vector a clip and pooling.

    Raises:
        GensupError: a clip that the gate or the frontend refuses.
    """
    chunks = [examples.audio[i : i + CLIPS_A_TASK] for i in range(0, len(examples), CLIPS_A_TASK)]
    return np.concatenate(collect(engine, _Embed(frontend, tuple(poolings)), chunks), axis=1)
