"""A frontend whose weights are pretrained, ready for clips: what all of its kinds share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio, resampled
from gensup.detection.devices import Passes, on_gpu
from gensup.detection.parts import Arrays, Tokens
from gensup.detection.pretrained import Checkpoint
from gensup.errors import GensupError
from gensup.rng import digest

_passes = Passes()  # of this process


class Settings(Protocol):
    """What a kind of pretrained frontend does with its weights; a frozen dataclass of the recipe's values."""

    name: ClassVar[str]
    version: ClassVar[int]
    together: ClassVar[int]  # clips in one pass of a GPU

    def embed(
        self, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> list[NDArray[np.float32]]:
        """The tokens of each clip, (time, freq, dim), by one pass: the clips are of one length.

        Raises:
            GensupError: altered weights, or a clip too short for one token.
        """
        ...


@dataclass(frozen=True, slots=True)
class Embedding:
    """Settings and the place of the weights, which each process loads once."""

    settings: Settings
    checkpoint: Checkpoint
    device: str | None = None  # not in the fingerprint: devices differ by rounding

    name: ClassVar[str] = "pretrained"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.5

    @property
    def fingerprint(self) -> str:
        said = self.settings
        return digest(said.name, said.version, self.checkpoint.sha256, asdict(said))  # type: ignore[call-overload]

    @property
    def n_parameters(self) -> int:
        return self.checkpoint.n_parameters

    def state(self) -> Arrays:
        return self.checkpoint.state()

    def restored(self, file: Path) -> Self:
        """Itself, if a detector's safetensors file was made with these weights.

        Raises:
            GensupError: it was made with others.
        """
        self.checkpoint.check_against(file)
        return self

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        (only,) = self.tokens_many([audio], rate)
        return only

    @property
    def batch(self) -> int:
        # On a CPU a second clip only crowds the caches, and a clip alone has the same bits whoever its neighbours are.
        return self.settings.together if on_gpu(self.device) else 1

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        """Tokens of each clip, neighbours of equal length in one pass.

        In fp32 they differ from those of the clip alone by 1e-5 of their spread (TF32, where it is on, by its own
        rounding), and not at all on a CPU, where passes have one clip.

        Raises:
            GensupError: a clip too short for one token, or one that the network made NaN or infinity of.
        """

        def embedded(alike: Sequence[Audio]) -> list[NDArray[np.float32]]:
            return self.settings.embed(alike, rate, self.checkpoint, self.device)

        batch = self.batch
        for _, group in groupby(clips, lambda clip: clip.shape[1]):
            alike = list(group)
            for x in _passes.run(alike, batch, embedded, (self.fingerprint, self.device, rate, alike[0].shape[1])):
                yield self._checked(x)

    def _checked(self, x: NDArray[np.float32]) -> Tokens:
        if not np.isfinite(x).all():
            raise GensupError(
                "the network made NaN or infinity of the clip",
                value=f"{np.count_nonzero(~np.isfinite(x))} numbers",
                rule="embeddings are finite",
                remedy=f"check the weights of {self.checkpoint.name}; with bf16, try fp32",
            )
        return Tokens(np.ascontiguousarray(x, dtype=np.float32))


def check_layers(layers: tuple[int, ...]) -> None:
    """Whether these can be layers of any network.

    Raises:
        GensupError: none, one twice, or a negative one.
    """
    if not layers or min(layers) < 0 or len(set(layers)) < len(layers):
        raise GensupError(
            "not layers of a network",
            where="frontend.layers",
            value=list(layers),
            rule="each once, 0 the first's input",
        )


def check_depth(layers: tuple[int, ...], count: object, checkpoint: Checkpoint) -> None:
    """Whether a network of ``count`` layers has these.

    Raises:
        GensupError: it has not.
    """
    if not isinstance(count, int) or max(layers) > count:
        raise GensupError(
            "no such layer", where=f"frontend.layers of {checkpoint.name}", value=max(layers), rule=f"0 to {count}"
        )


def heard(audio: Audio, rate: int, wanted: int) -> NDArray[np.float32]:
    """(samples,) of the first channel at ``wanted`` Hz, resampled where the clip has another rate."""
    return np.ascontiguousarray(resampled(audio[:1], rate, wanted)[0])


def too_short(samples: int, rate: int, rule: str) -> GensupError:
    """The error for a clip without a single token."""
    return GensupError(
        "the clip is too short for one token",
        value=f"{samples / rate:.3f} s",
        rule=rule,
        remedy="leave the clip out, or choose a frontend with shorter frames",
    )
