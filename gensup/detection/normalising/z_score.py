"""Scores in standard deviations above those of the normal clips, each scored by a model without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.leave_one_out import fewest, left_out, mean_and_scale
from gensup.detection.parts import Arrays, Backend, FittedBackend, Scores, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class Scaled:
    """One model, and the mean and scale of its scores."""

    model: FittedBackend
    mean: float
    scale: float

    @property
    def dim(self) -> int:
        return self.model.dim

    def score(self, x: Vectors) -> Scores:
        return np.asarray((self.model.score(x) - self.mean) / self.scale)

    def state(self) -> Arrays:
        return self.model.state() | {"normalise.mean_scale": np.array([self.mean, self.scale])}


@dataclass(frozen=True, slots=True)
class ZScore:
    """Changes no order within a group: it makes groups, and members of a fusion, comparable."""

    name: ClassVar[str] = "z-score"
    version: ClassVar[int] = 1

    def unfit(self, backend: Backend, rows: int) -> str | None:
        need = fewest(backend)
        return None if rows >= need else f"scores without each clip need {need} clips, a fold has {rows}"

    def n_parameters(self, backend: Backend, dim: int, rows: int) -> int:
        return backend.n_parameters(dim, rows) + 2

    def fit(self, backend: Backend, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> Scaled:
        mean, scale = mean_and_scale(left_out(backend, x, target_domain, seed))
        return Scaled(backend.fit(x, target_domain, seed), mean, scale)

    def restore(self, backend: Backend, arrays: Arrays) -> Scaled:
        both = np.asarray(arrays["normalise.mean_scale"], dtype=np.float64)
        if both.shape != (2,) or not both[1] > 0:
            raise GensupError("the model's arrays do not fit together", value=str(both.shape))
        own = {name: array for name, array in arrays.items() if not name.startswith("normalise.")}
        return Scaled(backend.restore(own), float(both[0]), float(both[1]))
