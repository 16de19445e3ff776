"""Scores of many configurations at once: out of fold, where no model has heard a clip's source, or on other clips."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gensup.detection.examples import Examples
from gensup.detection.features import ready_many, shared, streamed
from gensup.detection.grown import grown
from gensup.detection.layers import united
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Backend, FittedFrontend, Frontend, Params, Pooling, Vectors
from gensup.detection.recipe import build
from gensup.detection.resampling.smote import Smote
from gensup.engine import Engine
from gensup.registry import unknown
from gensup.rng import seed
from gensup.store.files import refuse

_serial = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """Who is fitted on and who is held out: arrays over the clips of one ``Examples``.

    Folds are numbers from 0. A clip whose ``fold`` is negative is scored by nobody: its scores are NaN.
    """

    train: NDArray[np.bool_]  # normal clips that may be fitted on
    fold: NDArray[np.intp]  # the fold in which a clip, or the clip it was made from, is held out and scored
    # Another fold in which a clip is left out of the fit and not scored: its whole condition is. Negative: none.
    also: NDArray[np.intp] | None = None

    def smallest_fit(self, group: Sequence[str]) -> int:
        """Clips in the smallest set that a model is fitted on, over groups and folds."""
        return min((len(split.fitted) for split in _splits(self, group)), default=0)


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of the configurations that share a frontend and a pooling, ready together."""

    trials: tuple[str, ...]
    scores: NDArray[np.float64]  # (trials, arrangements, clips), of float32's precision
    parameters: tuple[int, ...]  # numbers that a fitted model of each trial holds


def unfit(
    candidates: Mapping[str, Params], arrangements: Sequence[Arrangement], group: Sequence[str]
) -> dict[str, str]:
    """Trials that some fold is too small for, each with the reason: they are pruned, not failed."""
    rows = min(arrangement.smallest_fit(group) for arrangement in arrangements)
    reasons = {trial: build(params).backend.unfit(rows) for trial, params in candidates.items()}
    return {trial: reason for trial, reason in reasons.items() if reason is not None}


def crossfit(
    engine: Engine,
    candidates: Mapping[str, Params],
    examples: Examples,
    arrangements: Sequence[Arrangement],
    means: Means = NOTHING,
    *,
    scratch: Path | None = None,
) -> Iterator[Scored]:
    """Score every clip with every candidate (trial id -> resolved parameters), in groups, as they end.

    A candidate's scores in an arrangement depend on the candidate, the clips and that arrangement alone, not on its
    neighbours in a sweep; equal folds of two arrangements give equal fits.

    Args:
        scratch: a folder that all workers see, for the vectors that they share; what a killed run leaves there has a
            name that ``store.sweep`` removes. Without it they lie in this machine's temporary folder, and a killed run
            leaves them to the system.

    Raises:
        GensupError: a clip that cannot be read, or a fit that failed.
    """
    for smote, mine in _by_growth(candidates).items():
        clips, arranged = (examples, list(arrangements)) if smote is None else _grown(examples, arrangements, smote)
        plans = [_splits(arrangement, clips.group) for arrangement in arranged]
        for scored in _swept(engine, mine, clips, clips.target_domain, plans, means, scratch):
            yield replace(scored, scores=scored.scores[:, :, : len(examples)])


def fit_and_score(
    engine: Engine,
    candidates: Mapping[str, Params],
    normals: Examples,
    queries: Examples,
    means: Means = NOTHING,
    *,
    scratch: Path | None = None,
) -> Iterator[Scored]:
    """Fit every candidate on all normals and score the queries, in groups, as they end.

    The scores (trials, 1, queries) are those of the detector that ``chain.fit`` makes, in float32's precision.

    Args:
        queries: every query's group is one of the normals'.
        scratch: see ``crossfit``.

    Raises:
        GensupError: a clip that cannot be read, a fit that failed, or a query of a group without normals.
    """
    for smote, mine in _by_growth(candidates).items():
        whole = normals if smote is None else grown(normals, smote, *_one_fold(normals))[0]
        yield from _fitted_and_scored(engine, mine, whole, queries, means, scratch)


def _fitted_and_scored(
    engine: Engine,
    candidates: Mapping[str, Params],
    normals: Examples,
    queries: Examples,
    means: Means,
    scratch: Path | None,
) -> Iterator[Scored]:
    groups = np.asarray((*normals.group, *queries.group))
    is_normal = np.arange(len(groups)) < len(normals)
    splits = []
    for g in sorted(set(queries.group)):
        if g not in normals.group:
            raise unknown("group of a query", g, sorted(set(normals.group)))
        mine = groups == g
        splits.append(_Split(np.flatnonzero(mine & is_normal), np.flatnonzero(mine & ~is_normal), _seed(g, "all"), 0))
    both = normals.followed_by(queries)
    # The normals come first: their rows are their places in their domains, too.
    for scored in _swept(engine, candidates, both, normals.target_domain, [tuple(splits)], means, scratch):
        yield Scored(scored.trials, scored.scores[:, :, len(normals) :], scored.parameters)


def _by_growth(candidates: Mapping[str, Params]) -> dict[Smote | None, dict[str, Params]]:
    """Candidates by what adds clips before their frontend."""
    found: dict[Smote | None, dict[str, Params]] = {}
    for trial, params in candidates.items():
        found.setdefault(build(params).grown, {})[trial] = params
    return found


def _one_fold(normals: Examples) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    return np.zeros(len(normals), dtype=np.intp), np.ones(len(normals), dtype=bool)


def _grown(examples: Examples, arrangements: Sequence[Arrangement], smote: Smote) -> tuple[Examples, list[Arrangement]]:
    """The clips with every arrangement's new ones, each fitted on in its own arrangement alone and scored in none."""
    clips, arranged, made = examples, [], []
    for arrangement in arrangements:
        more, fold = grown(examples, smote, arrangement.fold, arrangement.train)
        new = np.arange(len(examples), len(more))
        made.append((len(clips), fold[new]))
        clips = clips.followed_by(more.take(new))
    for arrangement, (begin, fold) in zip(arrangements, made, strict=True):
        own = slice(begin, begin + len(fold))
        train, held, also = np.zeros(len(clips), bool), np.full(len(clips), -1), np.full(len(clips), -1)
        train[: len(examples)], held[: len(examples)] = arrangement.train, arrangement.fold
        if arrangement.also is not None:
            also[: len(examples)] = arrangement.also
        train[own], also[own] = True, fold
        arranged.append(Arrangement(train=train, fold=held, also=also))
    return clips, arranged


@dataclass(frozen=True, slots=True)
class _Split:
    """One fit of every configuration: rows of the vectors."""

    fitted: NDArray[np.intp]
    scored: NDArray[np.intp]
    seed: int
    fold: int


def _splits(arrangement: Arrangement, group: Sequence[str]) -> tuple[_Split, ...]:
    """A fit for every group and fold that holds a clip of it."""
    groups, fold = np.asarray(group), arrangement.fold
    also = np.full(len(fold), -1, dtype=np.intp) if arrangement.also is None else arrangement.also
    return tuple(
        _Split(
            fitted=np.flatnonzero(arrangement.train & (groups == g) & (fold != f) & (also != f)),
            scored=np.flatnonzero((groups == g) & (fold == f)),
            seed=_seed(str(g), int(f)),
            fold=int(f),
        )
        for g in np.unique(groups)
        for f in np.unique(fold[(groups == g) & (fold >= 0)])
    )


def _seed(group: str, fold: int | str) -> int:
    return seed("fit", group, fold)


@dataclass(frozen=True, slots=True)
class _Hearing:
    """One fitted frontend and the fits that its vectors serve, by plan."""

    frontend: FittedFrontend
    plans: Mapping[int, tuple[_Split, ...]]

    @property
    def rows(self) -> NDArray[np.intp]:
        """The clips that it hears."""
        return np.unique(
            np.concatenate([r for plan in self.plans.values() for s in plan for r in (s.fitted, s.scored)])
        )


def _hearings(
    engine: Engine, frontend: Frontend, clips: Examples, plans: Sequence[tuple[_Split, ...]], means: Means
) -> list[_Hearing]:
    """One for all plans; a frontend that is trained has one for every fold of every plan, trained without the fold."""
    if shared(frontend, means):
        (one,) = ready_many(engine, frontend, [clips], means)
        return [_Hearing(one, dict(enumerate(plans)))]
    folds = [(i, f) for i, plan in enumerate(plans) for f in dict.fromkeys(split.fold for split in plan)]
    mine = [tuple(split for split in plans[i] if split.fold == f) for i, f in folds]
    trained = [clips.take(np.sort(np.concatenate([split.fitted for split in splits]))) for splits in mine]
    fitted = ready_many(engine, frontend, trained, means)
    return [_Hearing(one, {i: splits}) for one, (i, _), splits in zip(fitted, folds, mine, strict=True)]


def _swept(
    engine: Engine,
    candidates: Mapping[str, Params],
    clips: Examples,
    target_domain: NDArray[np.bool_] | None,
    plans: Sequence[tuple[_Split, ...]],
    means: Means,
    scratch: Path | None,
) -> Iterator[Scored]:
    """Every candidate by every plan; a pooling's results come whole, when its last plan has ended."""
    by_frontend: dict[Frontend, dict[Pooling, list[tuple[str, Backend]]]] = {}
    for trial, params in candidates.items():
        chain = build(params)
        by_frontend.setdefault(chain.frontend, {}).setdefault(chain.pooling, []).append((trial, chain.backend))
    rows = max((len(split.fitted) for plan in plans for split in plan), default=0)
    for frontend, by_pooling in united(by_frontend).items():
        members = [tuple(pairs) for pairs in by_pooling.values()]
        scores = [np.full((len(plans), len(pairs), len(clips)), np.nan, dtype=np.float32) for pairs in members]
        hearings = _hearings(engine, frontend, clips, plans, means)
        missing = Counter({place: sum(len(h.plans) for h in hearings) for place in range(len(members))})
        for hearing in hearings:
            heard = hearing.rows
            place_of = np.full(len(clips), -1, dtype=np.intp)
            place_of[heard] = np.arange(len(heard))
            made = streamed(engine, clips.take(heard), hearing.frontend, tuple(by_pooling), means.cache)
            with ExitStack() as stack:
                paths = [stack.enter_context(_temporary(scratch)) for _ in by_pooling]
                dims = _written(paths, made, len(heard))
                task = _Fit(tuple(map(str, paths)), target_domain, place_of)
                # A plan an item: with one pooling and three arrangements, three workers have work.
                items = [
                    (place, tuple(backend for _, backend in pairs), plan)
                    for place, pairs in enumerate(members)
                    for plan in hearing.plans.values()
                ]
                for done in engine.run(task, items):
                    place, plan = divmod(done.index, len(hearing.plans))
                    own = scores[place][list(hearing.plans)[plan]]
                    found = done.result()
                    np.copyto(own, found, where=~np.isnan(found))
                    missing[place] -= 1
                    if missing[place]:
                        continue
                    yield Scored(
                        trials=tuple(trial for trial, _ in members[place]),
                        scores=scores[place].swapaxes(0, 1).astype(np.float64),
                        parameters=tuple(
                            backend.n_parameters(dims[place], rows) + hearing.frontend.n_parameters
                            for _, backend in members[place]
                        ),
                    )


@contextmanager
def _temporary(scratch: Path | None) -> Iterator[Path]:
    """A path for the vectors, which is gone afterwards."""
    if scratch is None:
        with TemporaryDirectory(prefix="gensup-") as folder:
            yield Path(folder) / "vectors.npy"
        return
    path = scratch / f".vectors.{os.getpid()}-{next(_serial)}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _written(paths: Sequence[Path], made: Iterator[tuple[int, list[Vectors]]], clips: int) -> list[int]:
    """Write the vectors of each pooling to its file as they come, and say how long they are.

    On disk, so that no process holds all of them, and workers share the pages.
    """
    dims: list[int] = []
    with ExitStack() as stack:
        for begin, vectors in made:
            try:
                if not dims:
                    files = [stack.enter_context(_file(path, clips, x)) for path, x in zip(paths, vectors, strict=True)]
                    starts, dims = [file.tell() for file in files], [x.shape[1] for x in vectors]
                for file, start, x in zip(files, starts, vectors, strict=True):
                    file.seek(start + begin * x.shape[1] * x.itemsize)
                    file.write(x.tobytes())
            except OSError as error:
                refuse(paths[0], error)
    return dims


def _file(path: Path, clips: int, like: Vectors) -> BinaryIO:
    """A file of NumPy's with room for a vector of every clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("wb")
    header = {"descr": np.lib.format.dtype_to_descr(like.dtype), "fortran_order": False}
    np.lib.format.write_array_header_1_0(file, header | {"shape": (clips, like.shape[1])})
    return file


@dataclass(frozen=True, slots=True)
class _Fit:
    """One worker's task: all back ends of one pooling by one plan."""

    doing = "fitting and scoring"

    vectors: tuple[str, ...]  # a file a pooling
    target_domain: NDArray[np.bool_] | None
    place_of: NDArray[np.intp]  # (clips,) where a clip's vector lies

    def __call__(self, item: tuple[int, tuple[Backend, ...], tuple[_Split, ...]]) -> NDArray[np.float32]:
        """(back ends, clips). In the precision of score rows on disk: a continued run sees what a whole one sees."""
        place, backends, splits = item
        x = np.load(self.vectors[place], mmap_mode="r")
        scores = np.full((len(backends), len(self.place_of)), np.nan, dtype=np.float32)
        for kind in {type(backend) for backend in backends}:
            rows = np.array([i for i, backend in enumerate(backends) if type(backend) is kind])
            configs = [backends[i] for i in rows]
            for split in splits:
                domain = None if self.target_domain is None else self.target_domain[split.fitted]
                fitted, scored = self.place_of[split.fitted], self.place_of[split.scored]
                out = kind.sweep(configs, x[fitted], domain, x[scored], split.seed)
                scores[np.ix_(rows, split.scored)] = out
        return scores
