"""Candidates on feature tables: pooling where there is an axis like time, PCA or not, and every back end there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.feature_tables import FeatureSet, read
from benchmarks.table_twins import families, nuisances, twins
from benchmarks.validity.records import Case
from gensup.clip import Json
from gensup.detection.backends.gmm import Gmm
from gensup.detection.backends.knn import Knn
from gensup.detection.backends.mahalanobis import Mahalanobis
from gensup.detection.parts import Backend, Tokens
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.recipe import trial_id
from gensup.rng import generator, seed
from gensup.selection import exams, folds
from gensup.selection.records import Column, Question, ScoreTable, Trial

Vectors: TypeAlias = NDArray[np.float32]
SOURCES = 40  # normal clips that twins are made of
DECAYS = (1.0, 0.95, 0.8, 0.5, 0.0)
COMPONENTS = {True: (None, 20), False: (None, 20, 8)}  # of PCA, where an axis is pooled and where none is
BACKENDS: tuple[Backend, ...] = (
    *(Gmm(k) for k in (1, 2, 4, 8)),
    *(Knn(k, "euclidean") for k in (1, 8)),
    Knn(1, "cosine"),
    *(Mahalanobis(r) for r in (0.01, 0.3)),
)
DEFAULT = (1.0, None, Gmm(2))  # what the published recipe would be, were this its frontend


@dataclass(frozen=True, slots=True)
class View:
    """How a clip becomes a vector."""

    decay: float
    components: int | None

    def vectors(self, clips: Vectors) -> Vectors:
        """(clips, dim) of (clips, time, dim), before it is standardised."""
        if clips.shape[1] == 1:
            return clips[:, 0]
        pooling = [Gwrp(self.decay)]
        return np.stack([Gwrp.pool_many(Tokens(clip[:, None]), pooling)[0] for clip in clips])

    def fitted(self, train: Vectors, queries: Vectors) -> tuple[Vectors, Vectors]:
        """Both standardised, and turned on the training clips' principal axes where these are asked for."""
        mean, spread = train.mean(axis=0), train.std(axis=0)
        spread = np.where(spread > 0, spread, 1)
        x, y = (train - mean) / spread, (queries - mean) / spread
        if self.components is not None and self.components < min(x.shape):
            axes = np.linalg.svd(x.astype(np.float64), full_matrices=False)[2][: self.components]
            # An axis has no sign of its own.
            axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
            x, y = x @ axes.T, y @ axes.T
        return x.astype(np.float32), y.astype(np.float32)


def views(time: int) -> Iterator[View]:
    """Every view of clips of so many steps."""
    yield from (View(d, n) for d, n in product(DECAYS if time > 1 else (1.0,), COMPONENTS[time > 1]))


def case_of_file(path: Path) -> Case:
    """A labelled table's case, named after its folder and file."""
    return case_of(read(path), path.parent.name)


def case_of(features: FeatureSet, group: str) -> Case:
    """Twins in feature space, the candidates' out-of-fold scores of them, and their real scores."""
    name = f"{group}/{features.name}"
    x = features.train
    arranged = [folds.arrange([""] * len(x), _names(len(x)), 0, repeat) for repeat in range(folds.repeats(len(x)))]
    sources = np.sort(generator("table sources", name).permutation(len(x))[:SOURCES])
    made = twins(name, x, sources.tolist(), arranged[0])
    copies = nuisances(x, sources.tolist())
    clips = np.concatenate([x, *made.values(), *copies.values()])
    source = np.concatenate([np.arange(len(x)), *[sources] * (len(made) + len(copies))])
    columns, questions = _columns(len(x), sources.tolist(), list(made), list(copies), arranged, x.shape[1])
    trials, scores, test = [], [], []
    for view in views(x.shape[1]):
        vectors, queries = view.vectors(clips), view.vectors(features.test)
        own = np.concatenate([_out_of_fold(view, vectors, source, len(x), fold) for fold in arranged], axis=1)
        real = _swept(view, vectors[: len(x)], queries, "all")
        fitted = view.fitted(vectors[: len(x)], queries[:1])[0]
        for place, backend in enumerate(BACKENDS):
            trials.append(_trial(view, backend, fitted.shape))
            scores.append(own[place])
            test.append(real[place])
    order = sorted(range(len(trials)), key=lambda i: trials[i].id)
    table = ScoreTable(
        trials=tuple(trials[i] for i in order),
        columns=columns,
        scores=np.stack([scores[i] for i in order]),
        exams=exams.build(columns, questions),
        default=_id(View(DEFAULT[0], DEFAULT[1]), DEFAULT[2]),
        paired=True,
    )
    return Case(
        kind="table",
        name=name,
        machine=machine_of(features.name),
        table=table,
        test=np.stack([test[i] for i in order]),
        anomalous=features.anomalous,
        target=np.zeros(len(features.anomalous), dtype=bool),
        note=features.note,
    )


def machine_of(name: str) -> str:
    """The machine of a table, that several of one do not count as several machines: fan-id_00 and fan_id_00_6dB."""
    found = re.match(r"([A-Za-z]+)[-_ ]*(?:id[-_ ]*)?(\d+)", name)
    return name if found is None else f"{found[1]} {int(found[2])}"


def _names(count: int) -> list[str]:
    return [f"{i:05d}" for i in range(count)]


def _columns(
    normals: int,
    sources: Sequence[int],
    made: Sequence[tuple[str, float]],
    copies: Sequence[str],
    arranged: Sequence[NDArray[np.intp]],
    time: int,
) -> tuple[tuple[Column, ...], dict[str, Question]]:
    """In the order of the clips, arrangement by arrangement."""
    mechanism = {family.name: family.mechanism for family in families(time)}
    clips: list[tuple[str, int, str]] = [(name, i, "normal") for i, name in enumerate(_names(normals))]
    questions = {}
    for family, severity in made:
        for i in sources:
            clip = f"{family} {severity:g} {i:05d}"
            clips.append((clip, i, "anomaly"))
            questions[clip] = Question(family=family, mechanism=mechanism[family], status="generic", severity=severity)
    clips += [(f"{copy} {i:05d}", i, "nuisance") for copy in copies for i in sources]
    columns = tuple(
        Column(
            clip=clip,
            repeat=repeat,
            fold=int(fold[i]),
            source=f"{i:05d}",
            target_domain=None,
            role=role,  # type: ignore[arg-type]
            chain="none",
        )
        for repeat, fold in enumerate(arranged)
        for clip, i, role in clips
    )
    return columns, questions


def _out_of_fold(
    view: View, vectors: Vectors, source: NDArray[np.intp], normals: int, fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(back ends, clips): each clip by models that never heard its source."""
    scores = np.empty((len(BACKENDS), len(vectors)))
    for f in np.unique(fold):
        held_out = np.flatnonzero(fold[source] == f)
        fitted = np.flatnonzero(fold != f)
        assert (fitted < normals).all()
        scores[:, held_out] = _swept(view, vectors[fitted], vectors[held_out], int(f))
    return scores


def _swept(view: View, train: Vectors, queries: Vectors, name: Json) -> NDArray[np.float64]:
    """(back ends, queries)."""
    x, y = view.fitted(train, queries)
    scores = np.empty((len(BACKENDS), len(queries)))
    for kind in dict.fromkeys(type(backend) for backend in BACKENDS):
        places = [i for i, backend in enumerate(BACKENDS) if type(backend) is kind]
        scores[places] = kind.sweep([BACKENDS[i] for i in places], x, None, y, seed("table fit", name))
    return scores


def _params(view: View, backend: Backend) -> dict[str, Json]:
    own = {f"backend.{key}": value for key, value in asdict(backend).items()}  # type: ignore[call-overload]
    return {"pooling.decay": view.decay, "pca": view.components, "backend.kind": backend.name, **own}


def _id(view: View, backend: Backend) -> str:
    return trial_id("table", _params(view, backend))


def _trial(view: View, backend: Backend, shape: tuple[int, ...]) -> Trial:
    params = _params(view, backend)
    return Trial(
        id=_id(view, backend),
        recipe="table",
        params=params,
        varied=params,
        state="complete",
        parameters=backend.n_parameters(shape[1], shape[0]),
    )
