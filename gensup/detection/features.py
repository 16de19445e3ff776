"""Vectors of clips: frontend and every pooling of a sweep in one pass over the sound, in the engine's workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json
from gensup.detection.between import Between, Sound, mixed
from gensup.detection.examples import Examples
from gensup.detection.means import TRAINED, Means
from gensup.detection.parts import FittedFrontend, Frontend, Pooling, Tokens
from gensup.engine import Engine, collect
from gensup.errors import GensupError
from gensup.rng import seed
from gensup.store import ArrayCache

CLIPS_A_TASK = 16
WORTH_KEEPING_S = 0.02  # a clip; below it, making a vector again is quicker than writing a file safely


@dataclass(frozen=True, slots=True)
class _Embed:
    """One worker's task: the pooled vectors of a few clips. Tokens never leave the worker."""

    doing = "features"

    frontend: FittedFrontend
    poolings: tuple[Pooling, ...]
    cache: ArrayCache | None

    def __call__(self, clips: Sequence[tuple[Sound, str]]) -> NDArray[np.float32]:
        return np.stack([self._kept(clip, key) for clip, key in clips], axis=1)

    def _kept(self, clip: Sound, key: str) -> NDArray[np.float32]:
        if self.cache is None:
            return self._pooled(clip)
        settings: dict[str, Json] = {
            "frontend": self.frontend.fingerprint,
            "poolings": [[pooling.name, asdict(pooling)] for pooling in self.poolings],  # type: ignore[call-overload]
            "rate": clip.rate,
            "channel": clip.channel,
        }
        made = self.cache.get(
            self.frontend.name, self.frontend.version, settings, [key], lambda: {"vectors": self._pooled(clip)}
        )
        return np.asarray(made["vectors"], dtype=np.float32)

    def _tokens(self, clip: Sound) -> Tokens:
        if isinstance(clip, Between) and clip.at == "log-mel":
            a, b = (self.frontend.tokens(ref.read(), ref.rate).x for ref in (clip.first, clip.second))
            return Tokens(mixed(a, b, clip.share, axis=0))
        return self.frontend.tokens(clip.read(), clip.rate)

    def _pooled(self, clip: Sound) -> NDArray[np.float32]:
        try:
            tokens = self._tokens(clip)
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
    engine: Engine,
    examples: Examples,
    frontend: FittedFrontend,
    poolings: Sequence[Pooling],
    cache: ArrayCache | None = None,
) -> NDArray[np.float32]:
    """(poolings, clips, dim): one vector a clip and pooling; a slow frontend's are kept in ``cache``.

    Raises:
        GensupError: a clip that the gate or the frontend refuses.
    """
    clips = list(zip(examples.audio, examples.key, strict=True))
    chunks = [clips[i : i + CLIPS_A_TASK] for i in range(0, len(clips), CLIPS_A_TASK)]
    task = _Embed(frontend, tuple(poolings), cache if frontend.per_clip_seconds >= WORTH_KEEPING_S else None)
    return np.concatenate(collect(engine, task, chunks), axis=1)


def ready_many(
    engine: Engine, frontend: Frontend, normals: Sequence[Examples], means: Means
) -> tuple[FittedFrontend, ...]:
    """A frontend trained on each of several sets of clips, side by side; one that is not trained stays here.

    Where ``means.trained`` names a frontend that was trained before, it is that one, whatever the clips.

    Raises:
        GensupError: see ``Frontend.ready``.
    """
    if shared(frontend, means):
        if frontend.trained and means.trained is not None:
            return (frontend.restore(means.trained / TRAINED, means),) * len(normals)
        return tuple(frontend.ready(clips, means, seed("frontend")) for clips in normals)
    material = [_material(clips) for clips in normals]
    if len(material) == 1:
        return (frontend.ready(material[0], means, seed("frontend")),)
    return tuple(collect(engine, _Train(frontend, means), material))


def shared(frontend: Frontend, means: Means) -> bool:
    """Whether it is the same for every fold: it is not trained, or was trained before."""
    return not frontend.trained or means.trained is not None


def _material(normals: Examples) -> Examples:
    """What a network is trained on: of clips that have labels, those whose label says something.

    A clip that was made (after a codec, between two others, from noise) has none: back ends may be fitted on it, but a
    network that heard it would learn its maker's marks.
    """
    if normals.label is None or all(normals.label):
        return normals
    return normals.take([i for i, label in enumerate(normals.label) if label])


@dataclass(frozen=True, slots=True)
class _Train:
    """One worker's task: a frontend trained on some clips."""

    doing = "training"

    frontend: Frontend
    means: Means

    def __call__(self, normals: Examples) -> FittedFrontend:
        return self.frontend.ready(normals, self.means, seed("frontend"))
