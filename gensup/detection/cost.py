"""What a candidate costs a device: numbers that its models hold, and the time that it takes to score one clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Backend, FittedBackend, FittedFrontend, Frontend, Params, Pooling, Vectors
from gensup.detection.recipe import build
from gensup.engine import Engine, Inline, single_threaded
from gensup.rng import seed

CLIPS = 5  # heard, spread over the normals
ROWS = 9  # scored one by one
Work: TypeAlias = tuple[type, Any]


def parameters(candidates: Mapping[str, Params], normals: Examples, means: Means = NOTHING) -> dict[str, int]:
    """Numbers that each candidate's network and fitted models hold, over all groups of ``normals``, by trial id.

    Raises:
        GensupError: a clip that cannot be read.
    """
    chains = {trial: build(params) for trial, params in candidates.items()}
    one, rows = normals.take([0]), Counter(normals.group)
    dims: dict[tuple[Frontend, Work], int] = {}
    fronts: dict[Frontend, FittedFrontend] = {}
    for chain in chains.values():
        sound = chain.frontend, _work(chain.pooling)
        if sound not in dims:
            fronts[chain.frontend] = chain.frontend.untrained(means)
            (x,) = pooled(Inline(), one, fronts[chain.frontend], [chain.pooling])
            dims[sound] = x.shape[1]
    return {
        trial: fronts[chain.frontend].n_parameters
        + sum(chain.backend.n_parameters(dims[chain.frontend, _work(chain.pooling)], n) for n in rows.values())
        for trial, chain in chains.items()
    }


def ms_per_clip(
    candidates: Mapping[str, Params],
    normals: Examples,
    *,
    engine: Engine | None = None,
    means: Means = NOTHING,
) -> dict[str, float]:
    """Milliseconds of wall time by trial id: tokens, pooling and score of one clip that is already read and decoded.

    Frontend and pooling are measured once for each frontend and kind of pooling, whose settings change the numbers and
    not the work; the back end's score once for each of its settings, fitted on the largest group of ``normals``.
    Candidates that share all these have the same time.

    Args:
        engine: makes the vectors that back ends are fitted on; it is not what is measured. This process if None.

    Raises:
        GensupError: a clip that cannot be read.
    """
    chains = {trial: build(params) for trial, params in candidates.items()}
    heard: dict[tuple[Frontend, Work], float] = {}
    fitted_on: dict[tuple[Frontend, Work], Vectors] = {}
    scored: dict[tuple[Frontend, Work, Backend], float] = {}
    groups, sizes = np.unique(np.asarray(normals.group), return_counts=True)
    largest = str(groups[np.argmax(sizes)])
    mine = normals.take(np.flatnonzero(np.asarray(normals.group) == largest))
    for chain in chains.values():
        sound = chain.frontend, _work(chain.pooling)
        if sound not in heard:
            front = chain.frontend.untrained(means)
            heard[sound] = _hearing(front, chain.pooling, normals)
            (fitted_on[sound],) = pooled(engine or Inline(), mine, front, [chain.pooling], means.cache)
        if (*sound, chain.backend) not in scored:
            scored[*sound, chain.backend] = _scoring(chain.backend, fitted_on[sound], mine, largest)
    ways = {trial: (chain.frontend, _work(chain.pooling), chain.backend) for trial, chain in chains.items()}
    return {trial: 1000 * (heard[way[:2]] + scored[way]) for trial, way in ways.items()}


def _work(pooling: Pooling) -> Work:
    """What its work and the length of its vectors depend on: of all its settings, what it is over."""
    return type(pooling), getattr(pooling, "over", None)


def _hearing(frontend: FittedFrontend, pooling: Pooling, normals: Examples) -> float:
    """Seconds for tokens and one vector of one clip, the median over a few."""
    places = np.unique(np.linspace(0, len(normals) - 1, CLIPS).astype(np.intp))
    clips = [(normals.audio[i].read(), normals.audio[i].rate) for i in places]

    def hear(place: int) -> None:
        type(pooling).pool_many(frontend.tokens(*clips[place]), [pooling])

    return _median_s(hear, len(clips))


def _scoring(backend: Backend, x: Vectors, normals: Examples, group: str) -> float:
    """Seconds for the score of one row, the median over a few."""
    with single_threaded():
        model: FittedBackend = backend.fit(x, normals.target_domain, seed("fit", group, "all"))
    return _median_s(lambda place: model.score(x[place % len(x)][None]), ROWS)


def _median_s(work: Callable[[int], object], times: int) -> float:
    with single_threaded():
        work(0)  # imports, filter banks and caches are not a clip's
        spans = []
        for place in range(times):
            began = perf_counter()
            work(place)
            spans.append(perf_counter() - began)
    return median(spans)
