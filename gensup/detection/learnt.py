"""A frontend that was trained: its settings and where its weights lie; a process opens the network once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Protocol

import numpy as np

from gensup.audio.files import Audio
from gensup.detection.devices import Passes, device, on_gpu, out_of_memory
from gensup.detection.parts import STATE, Arrays, Tokens
from gensup.errors import GensupError
from gensup.rng import digest

OPEN = 4  # networks that a process holds
RATE = 16_000  # Hz, where no clip says it

_opening = RLock()  # two threads need no two networks
_passes = Passes()  # of this process


@dataclass(frozen=True, slots=True)
class Weights:
    """Arrays in a safetensors file, or, where there is no folder to keep them in, in memory."""

    sha256: str  # of the arrays
    count: int  # numbers
    file: Path | None = field(default=None, compare=False)
    prefix: str = field(default="", compare=False)  # of their names in the file
    data: bytes = field(default=b"", compare=False, repr=False)

    @classmethod
    def held(cls, arrays: Arrays) -> Weights:
        """In memory."""
        from safetensors.numpy import save

        data = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
        return cls(_sha256(arrays), _count(arrays), data=data)

    @classmethod
    def lying(cls, file: Path, prefix: str = "") -> Weights:
        """In a file; GensupError when it cannot be read."""
        arrays = _read(file, prefix)
        return cls(_sha256(arrays), _count(arrays), file, prefix)

    def arrays(self) -> Arrays:
        """GensupError when the file is gone, or holds others by now."""
        from safetensors.numpy import load

        if self.file is None:
            return dict(load(self.data))
        arrays = _read(self.file, self.prefix)
        if _sha256(arrays) != self.sha256:
            raise GensupError("the weights have changed", where=str(self.file), remedy="run the command again")
        return arrays


class Learnable(Protocol):
    """The settings of a frontend that is trained: a frozen dataclass."""

    name: ClassVar[str]
    version: ClassVar[int]
    per_clip_seconds: ClassVar[float]
    together: ClassVar[int]  # clips in one pass of a GPU; 1 where the network stays on the CPU

    def fresh(self, rate: int) -> Arrays:
        """What the arrays of a trained network look like, before any training."""
        ...

    def opened(self, arrays: Arrays, rate: int, device: str) -> Any:
        """The network that hears clips of a rate (Hz); an error of torch or KeyError when the arrays are another's."""
        ...

    def heard(self, network: Any, clips: Sequence[Audio], rate: int) -> list[Tokens]:
        """Tokens of each clip, by one pass: the clips are of one length."""
        ...


@dataclass(frozen=True, slots=True)
class Learnt:
    """What clips are heard by."""

    settings: Any  # Learnable
    weights: Weights
    device: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return str(self.settings.name)

    @property
    def version(self) -> int:
        return int(self.settings.version)

    @property
    def per_clip_seconds(self) -> float:
        return float(self.settings.per_clip_seconds)

    @property
    def fingerprint(self) -> str:
        return digest(self.name, self.version, asdict(self.settings), self.weights.sha256)

    @property
    def n_parameters(self) -> int:
        frozen = getattr(
            self.settings, "n_frozen", 0
        )  # of pretrained weights that stay as they are, in a file of theirs
        return self.weights.count + int(frozen)

    def state(self) -> Arrays:
        return self.weights.arrays()

    @property
    def batch(self) -> int:
        together = int(self.settings.together)
        return together if together > 1 and on_gpu(self.device) else 1

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        (only,) = self.tokens_many([audio], rate)
        return only

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        """Tokens of each clip, neighbours of equal length in one pass; on a CPU each alone.

        Raises:
            GensupError: another rate than the network's, or a clip too short for one token.
        """
        with _opening:
            network, wanted = _opened(self)
        if rate != wanted:
            raise GensupError(
                "a clip of another sampling rate",
                value=rate,
                rule=f"{wanted} Hz, as the clips that the network was trained on",
                remedy="resample it",
            )

        def heard(alike: Sequence[Audio]) -> list[Tokens]:
            found: list[Tokens] = self.settings.heard(network, alike, rate)
            return found

        batch = self.batch
        for _, group in groupby(clips, lambda clip: clip.shape[1]):
            alike = list(group)
            yield from _passes.run(alike, batch, heard, (self.fingerprint, self.device, alike[0].shape[1]))


@dataclass(frozen=True, slots=True)
class Untrained(Learnt):
    """As large and as slow as one that is trained, at whatever rate it is asked."""

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        return _untrained(self.settings, rate, self.device).tokens_many(clips, rate)


def untrained(settings: Any, device: str | None) -> Untrained:
    """Of a ``Learnable``."""
    return Untrained(settings, Weights.held(settings.fresh(RATE) | {"rate": np.array(RATE)}), device)


@lru_cache(maxsize=OPEN)
def _untrained(settings: Any, rate: int, device: str | None) -> Learnt:
    return Learnt(settings, Weights.held(settings.fresh(rate) | {"rate": np.array(rate)}), device)


def restored(settings: Any, file: Path, device: str | None) -> Learnt:
    """A ``Learnable`` with the weights in a detector's file; GensupError when it holds none, or another network's."""
    weights = Weights.lying(file, STATE)
    if not weights.count:
        raise GensupError("the weights lack the frontend's arrays", where=str(file), remedy="fit the detector again")
    found = Learnt(settings, weights, device)
    _opened(found)
    return found


@lru_cache(maxsize=OPEN)
def _opened(learnt: Learnt) -> tuple[Any, int]:
    """The network and its clips' rate (Hz)."""
    arrays = learnt.weights.arrays()
    place = str(device(learnt.device))
    try:
        rate = int(arrays.pop("rate").reshape(-1)[0])  # a file may have given it an axis
        return learnt.settings.opened(arrays, rate, place), rate
    except (RuntimeError, KeyError, ValueError) as error:
        import torch

        if isinstance(error, torch.OutOfMemoryError):
            raise out_of_memory(error, "with the network alone", "another --device") from None
        where = "" if learnt.weights.file is None else str(learnt.weights.file)
        said = str(error).splitlines()
        raise GensupError(
            "the weights are of another network",
            where=where,
            value=said[0] if said else None,
            remedy="fit the detector again",
        ) from None


def _read(file: Path, prefix: str) -> Arrays:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as opened:
            names = [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name.removeprefix(prefix): opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise GensupError(
            "weights cannot be read", where=str(file), value=str(error), remedy="run the command again"
        ) from None


def _count(arrays: Arrays) -> int:
    return sum(array.size for name, array in arrays.items() if name != "rate")


def _sha256(arrays: Arrays) -> str:
    found = sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()
