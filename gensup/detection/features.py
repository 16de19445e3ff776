"""Vectors of clips: frontend and every pooling of a sweep in one pass over the sound, in the engine's workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from gensup.audio.files import Audio
from gensup.clip import Json
from gensup.detection.between import Between, Sound, mixed
from gensup.detection.devices import on_gpu
from gensup.detection.examples import Examples
from gensup.detection.means import TRAINED, Means
from gensup.detection.parts import Batching, FittedFrontend, Frontend, Pooling, Tokens, Vectors
from gensup.engine import Engine, Inline, Threads, collect, instead
from gensup.errors import GensupError
from gensup.rng import seed
from gensup.store import ArrayCache

CLIPS_A_TASK = 16
OVERLAP = 2  # threads beside a network on a GPU: one computes, the other reads and pools
WORTH_KEEPING_S = 0.02  # a clip; below it, making a vector again is quicker than writing a file safely


@dataclass(frozen=True, slots=True)
class _Embed:
    """One worker's task: the pooled vectors of a few clips. Tokens never leave the worker."""

    doing = "features"

    frontend: FittedFrontend
    poolings: tuple[Pooling, ...]
    cache: ArrayCache | None

    def __call__(self, clips: Sequence[tuple[Sound, str]]) -> list[Vectors]:
        """(clips, dim) of each pooling."""
        chunk = _Chunk(self, [clip for clip, _ in clips])
        kept = [self._kept(chunk, place, key) for place, (_, key) in enumerate(clips)]
        for place, vectors in enumerate(kept):
            _check_dims(chunk.clips[place], vectors, kept[0])
        return [np.stack(rows) for rows in zip(*kept, strict=True)]

    def _kept(self, chunk: _Chunk, place: int, key: str) -> list[Vectors]:
        if self.cache is None:
            return chunk.vectors(place)
        clip = chunk.clips[place]
        settings: dict[str, Json] = {
            "frontend": self.frontend.fingerprint,
            "poolings": [[pooling.name, asdict(pooling)] for pooling in self.poolings],  # type: ignore[call-overload]
            "rate": clip.rate,
            "channel": clip.channel,
            "apart": True,  # an array a pooling
        }
        made = self.cache.get(
            self.frontend.name, self.frontend.version, settings, [key],
            lambda: {str(i): vector for i, vector in enumerate(chunk.vectors(place))},
        )  # fmt: skip
        return [np.asarray(made[str(i)], dtype=np.float32) for i in range(len(self.poolings))]

    def pooled(self, tokens: Tokens) -> list[Vectors]:
        """(dim,) of each pooling."""
        rows: dict[int, Vectors] = {}
        for kind in {type(pooling) for pooling in self.poolings}:
            places = [i for i, pooling in enumerate(self.poolings) if type(pooling) is kind]
            vectors = kind.pool_many(tokens, [self.poolings[i] for i in places])
            rows |= dict(zip(places, vectors, strict=True))
        return [rows[i] for i in range(len(self.poolings))]


class _Chunk:
    """The clips of a task; a pass of the network is made when a clip in it is asked for.

    Which clips share a pass depends on the chunk alone, not on which of them are in the cache: batches of other clips
    round otherwise, and a continued run is to make the bytes of one that was never stopped.
    """

    def __init__(self, task: _Embed, clips: Sequence[Sound]) -> None:
        self.task, self.clips = task, clips
        self._batch = batch_of(task.frontend)
        self._passes: dict[int, tuple[int, ...]] = {}  # a place's, all of which lie in ``_sounds``
        self._sounds: dict[int, Audio] = {}
        self._made: dict[int, list[Vectors]] = {}

    def vectors(self, place: int) -> list[Vectors]:
        """(dim,) of each pooling of a clip."""
        if place not in self._made:
            self._hear(place)
        return self._made[place]

    def _hear(self, place: int) -> None:
        if self._batch == 1 or _between_tokens(self.clips[place]):
            with _named(self.clips[place]):
                self._made[place] = self.task.pooled(self._alone(self.clips[place]))
            return
        if not self._passes:
            self._arrange()
        places, rate = self._passes[place], self.clips[place].rate
        assert isinstance(self.task.frontend, Batching)
        heard = self.task.frontend.tokens_many([self._sounds.pop(other) for other in places], rate)
        for other in places:
            with _named(self.clips[other]):
                self._made[other] = self.task.pooled(next(heard))

    def _arrange(self) -> None:
        """Read all clips, those of one rate and length into passes in their order."""
        alike: dict[tuple[int, int], list[int]] = {}
        for place, clip in enumerate(self.clips):
            if not _between_tokens(clip):
                with _named(clip):
                    self._sounds[place] = clip.read()
                alike.setdefault((clip.rate, self._sounds[place].shape[1]), []).append(place)
        for places in alike.values():
            for begin in range(0, len(places), self._batch):
                own = tuple(places[begin : begin + self._batch])
                self._passes |= dict.fromkeys(own, own)

    def _alone(self, clip: Sound) -> Tokens:
        frontend = self.task.frontend
        if isinstance(clip, Between) and clip.at == "log-mel":
            a, b = (frontend.tokens(ref.read(), ref.rate).x for ref in (clip.first, clip.second))
            return Tokens(mixed(a, b, clip.share, axis=0))
        return frontend.tokens(clip.read(), clip.rate)


def _between_tokens(clip: Sound) -> bool:
    """Whether it has no sound of its own."""
    return isinstance(clip, Between) and clip.at == "log-mel"


@contextmanager
def _named(clip: Sound) -> Iterator[None]:
    """An error that does not say where gets the clip's path."""
    try:
        yield
    except GensupError as error:
        if error.where:
            raise
        raise GensupError(
            error.what, where=str(clip.path), value=error.value, rule=error.rule, remedy=error.remedy
        ) from None


def _check_dims(clip: Sound, vectors: Sequence[Vectors], like: Sequence[Vectors]) -> None:
    """Raise GensupError where a clip's vectors are not as long as another's: a pooling that keeps time saw it."""
    for mine, other in zip(vectors, like, strict=True):
        if mine.shape != other.shape:
            raise GensupError(
                "clips of several lengths",
                where=str(clip.path),
                value=f"{len(mine)} numbers beside {len(other)}",
                rule="a pooling that keeps time (over: frequency) is of clips of one length",
                remedy="set frontend.seconds, or pool over time or both",
            )


def batch_of(frontend: FittedFrontend) -> int:
    """How many clips it hears in one pass."""
    return frontend.batch if isinstance(frontend, Batching) else 1


def pooled(
    engine: Engine,
    examples: Examples,
    frontend: FittedFrontend,
    poolings: Sequence[Pooling],
    cache: ArrayCache | None = None,
) -> list[Vectors]:
    """(clips, dim) of each pooling: a vector a clip; a slow frontend's are kept in ``cache``.

    Raises:
        GensupError: a clip that the gate or the frontend refuses.
    """
    found = dict(streamed(engine, examples, frontend, poolings, cache))
    ordered = [found[begin] for begin in sorted(found)]
    return [np.concatenate(parts) for parts in zip(*ordered, strict=True)]


def streamed(
    engine: Engine,
    examples: Examples,
    frontend: FittedFrontend,
    poolings: Sequence[Pooling],
    cache: ArrayCache | None = None,
) -> Iterator[tuple[int, list[Vectors]]]:
    """As ``pooled``, some clips at a time, as they end: the first one's place, and (some, dim) of each pooling.

    A frontend on a GPU is asked by this process alone: several would each load the network, and share one device.

    Raises:
        GensupError: a clip that the gate or the frontend refuses.
    """
    clips = list(zip(examples.audio, examples.key, strict=True))
    batch = batch_of(frontend)
    size = CLIPS_A_TASK if batch == 1 else batch
    if batch > 1:
        engine = instead(engine, Threads(OVERLAP))
    task = _Embed(frontend, tuple(poolings), cache if frontend.per_clip_seconds >= WORTH_KEEPING_S else None)
    like: list[Vectors] = []
    for done in engine.run(task, [clips[i : i + size] for i in range(0, len(clips), size)]):
        begin, vectors = done.index * size, done.result()
        like = like or [x[0] for x in vectors]
        _check_dims(examples.audio[begin], [x[0] for x in vectors], like)
        yield begin, vectors


def ready_many(
    engine: Engine, frontend: Frontend, normals: Sequence[Examples], means: Means
) -> tuple[FittedFrontend, ...]:
    """A frontend trained on each of several sets of clips, side by side; one that is not trained stays here.

    On a GPU they are trained one after another, in this process.

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
    if on_gpu(means.device):
        engine = instead(engine, Inline())
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
