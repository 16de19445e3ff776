"""Where twins are made: processes of this machine, this process where a model fills its GPU, or a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gensup.engine import Engine, Ray, Threads
from gensup.errors import GensupError
from gensup.registry import unknown

EngineName = Literal["local", "ray"]
OVERLAP = 2  # threads beside a model: one computes, the other writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where twins are made; it changes none of their bytes. All else a command does is done by its local workers.

    A text-to-audio model has one local worker, for two of them would share one GPU: several GPUs are a Ray cluster
    (``ray``, also of this machine alone), or shards with a GPU each.
    """

    engine: EngineName = "local"
    gpus_per_worker: float | None = None  # of ray; None: one for a text-to-audio model, none for physical faults
    address: str | None = None  # of the cluster; None: RAY_ADDRESS's, or a new one of this machine alone

    def checked(self) -> Where:
        """Itself. GensupError when a value makes no sense."""
        if self.engine not in get_args(EngineName):
            raise unknown("engine", self.engine, get_args(EngineName), where="--engine")
        if self.engine != "ray" and (self.gpus_per_worker is not None or self.address is not None):
            raise GensupError(
                "options of a cluster",
                where="--address" if self.gpus_per_worker is None else "--gpus-per-worker",
                rule="the engine local has none",
                remedy="leave them out, or --engine ray",
            )
        if self.gpus_per_worker is not None and not 0 <= self.gpus_per_worker <= 64:
            raise GensupError(
                "not a share of GPUs", where="--gpus-per-worker", value=self.gpus_per_worker, rule="0 to 64"
            )
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether clips are made on other machines: what devices this one has is then no matter."""
        return self.engine == "ray"

    def gpus(self, *, model: bool) -> float:
        """Of each worker of a cluster."""
        return (1.0 if model else 0.0) if self.gpus_per_worker is None else self.gpus_per_worker

    def device(self, wanted: str | None) -> str | None:
        """The device that a model's workers are to use; None: whatever this machine has.

        A cluster's workers have a GPU if they ask for a share of one, whatever the machine has that hands out the work.
        """
        if wanted is not None or not self.elsewhere:
            return wanted
        return "cuda" if self.gpus(model=True) else "cpu"

    def makers(self, local: Engine, *, model: bool) -> Engine:
        """The engine that makes twins; ``local`` is the command's own, ``model`` says whether a model is loaded."""
        if self.engine == "ray":
            return Ray(gpus_per_worker=self.gpus(model=model), address=self.address)
        return Threads(OVERLAP) if model else local
