"""Out-of-fold scores of many configurations: every clip is scored by models that were fitted without its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.parts import Backend, Frontend, Params, Pooling
from gensup.detection.recipe import build
from gensup.engine import Engine
from gensup.rng import seed
from gensup.store import ArrayCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """Who is fitted on and who is held out: arrays over the clips of one ``Examples``."""

    train: NDArray[np.bool_]  # normal clips that may be fitted on
    fold: NDArray[np.intp]  # the fold in which a clip, or the clip it was made from, is held out

    def smallest_fit(self, group: Sequence[str]) -> int:
        """Clips in the smallest set that a model is fitted on, over groups and folds."""
        groups = np.asarray(group)
        return min(
            int(np.count_nonzero(self.train & (groups == g) & (self.fold != f)))
            for g in np.unique(groups)
            for f in np.unique(self.fold[groups == g])
        )


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of the configurations that share a frontend and a pooling, ready together."""

    trials: tuple[str, ...]
    scores: NDArray[np.float64]  # (trials, clips)
    parameters: tuple[int, ...]  # numbers that a fitted model of each trial holds


def unfit(candidates: Mapping[str, Params], arrangement: Arrangement, group: Sequence[str]) -> dict[str, str]:
    """Trials that some fold is too small for, each with the reason: they are pruned, not failed."""
    rows = arrangement.smallest_fit(group)
    reasons = {trial: build(params).backend.unfit(rows) for trial, params in candidates.items()}
    return {trial: reason for trial, reason in reasons.items() if reason is not None}


def crossfit(
    engine: Engine,
    candidates: Mapping[str, Params],
    examples: Examples,
    arrangement: Arrangement,
    cache: ArrayCache | None = None,
) -> Iterator[Scored]:
    """Score every clip with every candidate (trial id -> resolved parameters), in groups, as they end.

    A candidate's scores depend on the candidate, the clips and the arrangement alone, not on its neighbours in a sweep.

    Raises:
        GensupError: a clip that cannot be read, or a fit that failed.
    """
    by_frontend: dict[Frontend, dict[Pooling, list[tuple[str, Backend]]]] = {}
    for trial, params in candidates.items():
        chain = build(params)
        by_frontend.setdefault(chain.frontend, {}).setdefault(chain.pooling, []).append((trial, chain.backend))
    for frontend, by_pooling in by_frontend.items():
        vectors = pooled(engine, examples, frontend, tuple(by_pooling), cache)
        # On disk, so that workers share the pages instead of copies of them.
        with TemporaryDirectory(prefix="gensup-") as folder:
            path = Path(folder) / "vectors.npy"
            np.save(path, vectors)
            del vectors
            task = _Fit(str(path), examples.group, examples.target_domain, arrangement)
            items = [(place, tuple(members)) for place, members in enumerate(by_pooling.values())]
            for done in engine.run(task, items):
                yield done.result()


@dataclass(frozen=True, slots=True)
class _Fit:
    """One worker's task: all back ends of one pooling, over every group and fold."""

    doing = "fitting and scoring"

    vectors: str
    group: tuple[str, ...]
    target_domain: NDArray[np.bool_] | None
    arrangement: Arrangement

    def __call__(self, item: tuple[int, tuple[tuple[str, Backend], ...]]) -> Scored:
        place, members = item
        x = np.load(self.vectors, mmap_mode="r")[place]
        groups = np.asarray(self.group)
        scores = np.full((len(members), len(x)), np.nan)
        for kind in {type(backend) for _, backend in members}:
            rows = [i for i, (_, backend) in enumerate(members) if type(backend) is kind]
            configs = [members[i][1] for i in rows]
            for g in np.unique(groups):
                for f in np.unique(self.arrangement.fold[groups == g]):
                    held_out = np.flatnonzero((groups == g) & (self.arrangement.fold == f))
                    fitted = np.flatnonzero(self.arrangement.train & (groups == g) & (self.arrangement.fold != f))
                    domain = None if self.target_domain is None else self.target_domain[fitted]
                    out = kind.sweep(configs, x[fitted], domain, x[held_out], seed("fit", str(g), int(f)))
                    # In the precision that score rows are kept in: a continued run sees what a whole one sees.
                    scores[np.ix_(np.array(rows), held_out)] = out.astype(np.float32)
        parameters = tuple(backend.n_parameters(x.shape[1]) for _, backend in members)
        return Scored(tuple(trial for trial, _ in members), scores, parameters)
