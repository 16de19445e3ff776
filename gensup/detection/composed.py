"""Resampling, back end and normalisation as one back end: what the rest of a chain's slots come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Arrays, Backend, FittedBackend, Normalise, Resample, Vectors


@dataclass(frozen=True, slots=True)
class Composed:
    """A back end fitted on resampled vectors, with normalised scores; either may be missing."""

    resample: Resample | None
    backend: Backend
    normalise: Normalise | None

    name: ClassVar[str] = "composed"
    version: ClassVar[int] = 1

    def unfit(self, rows: int) -> str | None:
        reason = self.resample.unfit(rows) if self.resample else None
        return reason or (self.normalise.unfit(self.backend, rows) if self.normalise else self.backend.unfit(rows))

    def n_parameters(self, dim: int, rows: int) -> int:
        if self.normalise is not None:
            return self.normalise.n_parameters(self.backend, dim, rows)
        return self.backend.n_parameters(dim, rows)

    def fit(self, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedBackend:
        if self.resample is not None:
            x, target_domain = self.resample(x, target_domain, seed)
        if self.normalise is not None:
            return self.normalise.fit(self.backend, x, target_domain, seed)
        return self.backend.fit(x, target_domain, seed)

    def restore(self, arrays: Arrays) -> FittedBackend:
        return self.normalise.restore(self.backend, arrays) if self.normalise else self.backend.restore(arrays)

    @classmethod
    def sweep(
        cls,
        configs: Sequence[Self],
        x: Vectors,
        target_domain: NDArray[np.bool_] | None,
        queries: Vectors,
        seed: int,
    ) -> NDArray[np.float64]:
        scores = np.empty((len(configs), len(queries)))
        for place, config in enumerate(configs):
            if config.normalise is not None:
                scores[place] = config.fit(x, target_domain, seed).score(queries)
        for resample in dict.fromkeys(config.resample for config in configs if config.normalise is None):
            added, domain = (x, target_domain) if resample is None else resample(x, target_domain, seed)
            mine = [i for i, c in enumerate(configs) if c.normalise is None and c.resample == resample]
            for kind in {type(configs[i].backend) for i in mine}:
                places = [i for i in mine if type(configs[i].backend) is kind]
                scores[places] = kind.sweep([configs[i].backend for i in places], added, domain, queries, seed)
        return scores
