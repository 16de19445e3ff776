"""A model for each domain, and the smaller of their scores: normal is what is normal in one of them.

As in GenRep (Saengthong & Shinozaki, ICASSP 2025), which standardised by the *test* clips, and in their report of DCASE
2025: by leave-one-out scores of the training clips, both divided by the target's deviation (``scale: target``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gensup.detection.leave_one_out import fewest, left_out, mean_and_scale
from gensup.detection.parts import Arrays, Backend, FittedBackend, Scores, Vectors
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, eq=False)
class FittedMinimum:
    """Models by domain, with mean and scale of their scores."""

    models: Mapping[str, FittedBackend]
    scales: Mapping[str, tuple[float, float]]

    @property
    def dim(self) -> int:
        return next(iter(self.models.values())).dim

    def score(self, x: Vectors) -> Scores:
        found = [(model.score(x) - self.scales[name][0]) / self.scales[name][1] for name, model in self.models.items()]
        return np.asarray(np.min(found, axis=0))

    def state(self) -> Arrays:
        arrays: Arrays = {}
        for name, model in self.models.items():
            arrays |= {f"{name}.{key}": array for key, array in model.state().items()}
            arrays[f"{name}.normalise.mean_scale"] = np.array(self.scales[name])
        return arrays


@dataclass(frozen=True, slots=True)
class DomainMinimum:
    """``scale``: none compares raw scores; own and target divide each domain's by its own or the target's deviation.

    Where the domain is not known, or has too few clips for a model of its own, one model of all clips stands for both.
    """

    scale: Literal["none", "own", "target"] = "none"

    name: ClassVar[str] = "domain-minimum"
    version: ClassVar[int] = 1

    def unfit(self, backend: Backend, rows: int) -> str | None:
        need = self._fewest(backend)
        return None if rows >= need else f"a model of a domain needs {need} clips, a fold has {rows}"

    def n_parameters(self, backend: Backend, dim: int, rows: int) -> int:
        # Of two models, of which neither knows how many of the rows are its own: a bank's rows are shared out.
        return backend.n_parameters(dim, rows) + 2

    def fit(self, backend: Backend, x: Vectors, target_domain: NDArray[np.bool_] | None, seed: int) -> FittedMinimum:
        need = self._fewest(backend)
        parts: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(x), dtype=bool)}
        if target_domain is not None and min(target_domain.sum(), (~target_domain).sum()) >= need:
            parts = {"source": ~target_domain, "target": target_domain}
        scales = dict.fromkeys(parts, (0.0, 1.0))
        if self.scale != "none":
            scales = {n: mean_and_scale(left_out(backend, x[rows], None, seed)) for n, rows in parts.items()}
        if self.scale == "target" and "target" in scales:
            scales = {name: (mean, scales["target"][1]) for name, (mean, _) in scales.items()}
        return FittedMinimum({n: backend.fit(x[rows], None, seed) for n, rows in parts.items()}, scales)

    def restore(self, backend: Backend, arrays: Arrays) -> FittedMinimum:
        names = sorted({name.partition(".")[0] for name in arrays})
        models, scales = {}, {}
        for name in names:
            own = {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}
            both = np.asarray(own.pop("normalise.mean_scale"), dtype=np.float64)
            if name not in ("all", "source", "target") or both.shape != (2,) or not both[1] > 0:
                raise GensupError("the model's arrays do not fit together", value=f"{name}: {both.shape}")
            models[name], scales[name] = backend.restore(own), (float(both[0]), float(both[1]))
        return FittedMinimum(models, scales)

    def _fewest(self, backend: Backend) -> int:
        if self.scale != "none":
            return fewest(backend)
        return next(rows for rows in range(1, 1 << 16) if backend.unfit(rows) is None)
