"""What frontends need beside clips: others' weights, clips of other machines, noise, and places to keep things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gensup.detection.examples import Examples
from gensup.detection.noise import Noise
from gensup.store import ArrayCache

TRAINED = "frontend.safetensors"  # in a folder that `gensup train` wrote: arrays as ``Frontend.restore`` reads them


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Given by whoever runs a detection; a frontend takes what it needs and says what is missing."""

    cache: ArrayCache | None = None
    weights: Path | None = None  # folder of pretrained checkpoints: <name>.safetensors and <name>.json, or folders
    trained: Path | None = None  # a folder that `gensup train` wrote: the frontend as it is, trained once
    others: Examples | None = None  # normal clips of other machines, for frontends that are trained on all of them
    noise: Noise | None = None  # for frontends that are trained with it, see ``ByClasses.noise``; others do not look
    folder: Path | None = None  # where what is trained now is kept, and found again by a continued run
    device: str | None = None  # cpu, cuda, cuda:1; None: the best that is there


NOTHING = Means()
