"""The vector itself, where a frontend says how anomalous a clip is: the mean of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Arrays, Scores, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class FittedValue:
    """It knows the length of a vector alone."""

    dim: int

    def score(self, x: Vectors) -> Scores:
        return np.asarray(x.mean(axis=1, dtype=np.float64))

    def state(self) -> Arrays:
        return {"dim": np.array([self.dim])}


@dataclass(frozen=True, slots=True)
class Value:
    """Nothing is fitted."""

    name: ClassVar[str] = "value"
    version: ClassVar[int] = 1

    def unfit(self, rows: int) -> str | None:
        return None if rows >= 1 else f"1 clip is the least, a fold has {rows}"

    def n_parameters(self, dim: int, rows: int) -> int:
        return 0

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedValue:
        return FittedValue(x.shape[1])

    def restore(self, arrays: Arrays) -> FittedValue:
        if arrays["dim"].shape != (1,):
            raise GensupError(
                "the model's arrays do not fit together", value=str(arrays["dim"].shape), rule="one number"
            )
        return FittedValue(int(arrays["dim"][0]))

    def leave_one_out(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> Scores:
        """(rows,) each row's score, which does not depend on the others."""
        return FittedValue(x.shape[1]).score(x)

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> NDArray[np.float64]:
        return np.tile(FittedValue(x.shape[1]).score(queries), (len(configs), 1))
