"""Models in memory: one a process, loaded by whoever asks first, used by one thread at a time."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.synthesis.diffusion.family import FAMILIES, Family

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.checkpoint import Checkpoint

KEPT = 2  # a model, and the same one in float32 for what overflows


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint is loaded, and as what."""

    checkpoint: Checkpoint
    device: str
    dtype: str
    compile: bool = False


@dataclass(slots=True, eq=False)
class Loaded:
    """A family's checkpoint in this process, for one thread at a time."""

    family: Family
    place: Place
    _compiled: bool = field(default=False, repr=False)

    @contextmanager
    def alone(self) -> Iterator[Family]:
        """The model, for this thread; without gradients, and with the arithmetic that makes the same bytes again.

        On a CPU it computes in one thread: sums over several depend on how many there are, and an engine's workers
        have one each. On a GPU cuDNN takes its deterministic algorithms, and none that it finds by timing.
        """
        import torch

        with _computing:
            threads = torch.get_num_threads()
            if self.place.device == "cpu":
                torch.set_num_threads(1)
            try:
                with (
                    torch.inference_mode(),
                    torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True),
                ):
                    yield self.family
            finally:
                torch.set_num_threads(threads)

    def compiled(self) -> None:
        """Have the UNet compiled where that is asked for, once. Only within ``alone``."""
        if self.place.compile and not self._compiled:
            self.family.unet.compile(dynamic=False)  # the loop's calls all have one shape
            self._compiled = True


# Weights of gigabytes cannot be loaded for every batch, and a task that travels to workers cannot hold them: the one
# thing that a process keeps between two items. What it holds is decided by the key alone.
_loaded: OrderedDict[Place, Loaded] = OrderedDict()
_lock = Lock()
_computing = RLock()  # of all models: two at once would share a device's memory, and how many threads there are


def loaded(place: Place) -> Loaded:
    """The model at a place: the one that this process has, or else it is opened now; its weights come when used."""
    with _lock:
        if place not in _loaded:
            while len(_loaded) >= KEPT:
                _loaded.popitem(last=False)
            _loaded[place] = Loaded(opened(place), place)
        _loaded.move_to_end(place)
        return _loaded[place]


def opened(place: Place) -> Family:
    """A checkpoint's family at a place, for the caller alone."""
    family: Family = FAMILIES.load(place.checkpoint.family).open(place.checkpoint, place.device, place.dtype)
    return family


def forget() -> None:
    """Let go of all models, so that their memory is free once nobody uses them; nothing is imported for it."""
    with _lock:
        devices = {place.device.partition(":")[0] for place in _loaded}
        _loaded.clear()
    if devices:
        gc.collect()  # modules point at themselves
    if "cuda" in devices:
        import torch

        torch.cuda.empty_cache()


def device_of(wanted: str | None) -> str:
    """The device that is meant: ``wanted``, or for None cuda where there is one, else cpu.

    Raises:
        GensupError: this machine has no such device.
    """
    import torch

    if wanted is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not is_here(wanted):
        remedy = "leave --device out, or name one that is"
        raise GensupError("no such device here", where="--device", value=wanted, remedy=remedy)
    return wanted


def is_here(device: str) -> bool:
    """Whether this machine has that device."""
    import torch

    kind, _, index = device.partition(":")
    backend = {"cuda": torch.cuda, "mps": torch.mps, "xpu": torch.xpu}.get(kind)
    return backend is None or int(index or 0) < backend.device_count()
