"""Recordings: selection on a machine's normal clips by ``gensup.tune``, and real scores of all of its candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import gensup
from benchmarks.rendered import CASES, render_failures
from benchmarks.validity.judging import of, without
from benchmarks.validity.records import Case
from benchmarks.validity.selecting import Effort, real_scores, selected, sound
from gensup.engine import Engine
from gensup.metadata import parse
from gensup.rng import generator
from gensup.selection.records import Judgement, ScoreTable

SEED = 2026
# Of the default 50 pairs 14, as in the demo: the whole benchmark has to end within half an hour on two cores.
FULL = Effort(settings=gensup.Settings(pairs=14, seed=SEED))
TRAIN_SHARE = 0.6  # of the normal clips of a set that has no split


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Labelled recordings of one machine: clips, normal or not, and those that are for training."""

    name: str
    machine: str  # as gensup knows it: some fault families are a machine's own
    train: tuple[Path, ...]  # () = a seeded part of the normal clips
    normal: tuple[Path, ...]
    anomaly: tuple[Path, ...]
    seen: bool = False
    note: str = ""


def recorded(given: Recorded, engine: Engine, effort: Effort = FULL) -> Case:
    """The case of labelled recordings; sounds that were trained on, or tested already, are no test."""
    train, tests, split = parted(given)
    with TemporaryDirectory(prefix="gensup-validity-") as folder:
        place = Path(folder) / "data" / given.machine / "train" / "normal"
        place.mkdir(parents=True)
        for i, path in enumerate(train):
            (place / f"{i:04d}{path.suffix}").symlink_to(path.resolve())
        table = selected(Path(folder) / "data", given.machine, Path(folder) / "run", engine, effort).table
    paths = [path for path, _ in tests]
    return Case(
        kind="audio",
        name=given.name,
        machine=given.name,
        table=table,
        test=real_scores(engine, table, effort.detectors, train, paths),
        anomalous=np.array([anomalous for _, anomalous in tests]),
        target=np.zeros(len(tests), dtype=bool),
        seen=given.seen,
        note="; ".join(part for part in (split, given.note) if part),
    )


def parted(given: Recorded) -> tuple[list[Path], list[tuple[Path, bool]], str]:
    """Training clips, test clips and whether they are anomalous, each sound once, and how they were parted."""
    train, normal, said = _split(given)
    heard = {sound(path) for path in train}
    tests: list[tuple[Path, bool]] = []
    for path, anomalous in [*((p, False) for p in normal), *((p, True) for p in given.anomaly)]:
        key = sound(path)
        if key not in heard:
            heard.add(key)
            tests.append((path, anomalous))
    return train, tests, said


def _split(given: Recorded) -> tuple[list[Path], list[Path], str]:
    if given.train:
        return list(given.train), list(given.normal), ""
    order = generator("validity split", given.name).permutation(len(given.normal))
    count = round(TRAIN_SHARE * len(given.normal))
    clips = [given.normal[i] for i in order]
    return sorted(clips[:count]), sorted(clips[count:]), f"seeded split, {TRAIN_SHARE:.0%} of the normals train"


@dataclass(frozen=True, slots=True, eq=False)
class RenderedMachine:
    """One rendered machine: a table of all families, their judgements, and real scores of every failure."""

    name: str
    table: ScoreTable
    judgements: tuple[Judgement, ...]
    test: NDArray[np.float64]
    target: NDArray[np.bool_]
    failure: tuple[str, ...]  # of each test clip; "" = normal
    withheld: Mapping[str, tuple[str, ...]]

    def cases(self) -> list[tuple[Case, tuple[Judgement, ...]]]:
        """A case a failure, the mechanisms that are like it withheld, with the judgements of what is left."""
        found = []
        for failure, like in self.withheld.items():
            rows = np.array([i for i, said in enumerate(self.failure) if said in ("", failure)])
            mechanisms = sorted({j.mechanism for j in self.judgements} - set(like))
            case = Case(
                kind="rendered",
                name=f"{self.name}/{failure}",
                machine=self.name,
                table=without(self.table, like),
                test=self.test[:, rows],
                anomalous=np.array([self.failure[i] != "" for i in rows]),
                target=self.target[rows],
                withheld=like,
            )
            found.append((case, of(self.judgements, mechanisms)))
        return found


def rendered(
    name: str,
    engine: Engine,
    *,
    effort: Effort = FULL,
    train: int = 64,
    normals: int = 80,
    anomalies: int = 40,
    seconds: float = 4.0,
) -> RenderedMachine:
    """Render a machine with all of its failures, select on it once, and score every failure's clips."""
    kind = CASES[name]
    with TemporaryDirectory(prefix="gensup-validity-") as folder:
        trained, tested, broken = render_failures(
            Path(folder) / "data",
            name,
            kind,
            seed=SEED,
            train=train,
            normals=normals,
            anomalies=anomalies,
            seconds=seconds,
        )
        decided = selected(Path(folder) / "data", name, Path(folder) / "run", engine, effort)
        places = {"": tested, **broken}
        clips = [(path, failure) for failure, place in places.items() for path in sorted(place.iterdir())]
        paths = [path for path, _ in clips]
        test = real_scores(engine, decided.table, effort.detectors, sorted(trained.iterdir()), paths)
    return RenderedMachine(
        name=name,
        table=decided.table,
        judgements=decided.judgements,
        test=test,
        target=np.array([parse(path.name).domain == "target" for path in paths]),
        failure=tuple(failure for _, failure in clips),
        withheld={failure.name: failure.like for failure in kind.failures},
    )
