"""Before anything is made of them: normal clips that do not sound like the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gensup.detection.crossfit import crossfit, unfit
from gensup.detection.means import Means
from gensup.engine import Engine
from gensup.rng import generator
from gensup.selection.suspects import suspects
from gensup.steps.candidates import Candidates
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recordings
from gensup.steps.synthetic import Synthetic
from gensup.steps.table import exercise

ASKED = 8  # candidates: enough for a median, and quickly fitted
NAMED = 5  # suspects, on the terminal


@dataclass(frozen=True, slots=True)
class Suspect:
    """A normal clip that most candidates, fitted without it, call strange."""

    path: str
    distance: float  # robust standard deviations above the clips of its section and domain


def find(
    engine: Engine, candidates: Candidates, recordings: Recordings, run_seed: int, means: Means
) -> tuple[Suspect, ...]:
    """The suspicious ones among the recordings, the strangest first. No twin, and no test clip, is heard for it."""
    alone = exercise(recordings, Synthetic((), True, ()), run_seed, candidates.repeats)
    clips, arrangements = alone.normals(recordings.machine, candidates.group_by)
    pruned = unfit(candidates.params, arrangements[:1], clips.group)
    others = sorted(trial for trial in candidates.params if trial not in pruned and trial != candidates.default)
    drawn = [others[i] for i in generator("suspects", run_seed).permutation(len(others))[: ASKED - 1]]
    asked = {trial: candidates.params[trial] for trial in (candidates.default, *drawn) if trial not in pruned}
    if not asked:
        return ()
    scored = [
        one
        for given, trials in candidates.by_material(asked, means)
        for one in crossfit(engine, {t: asked[t] for t in trials}, clips, arrangements[:1], given)
    ]
    strata = [f"{member.clip.section}|{member.clip.domain}" for member in recordings.members]
    found = suspects(np.concatenate([s.scores[:, 0] for s in scored]), strata)
    return tuple(Suspect(recordings.members[i].clip.path, round(distance, 3)) for i, distance in found)


def without(recordings: Recordings, dropped: Sequence[Suspect]) -> Recordings:
    """The recordings without these."""
    paths = {suspect.path: suspect.distance for suspect in dropped}
    return replace(
        recordings,
        members=tuple(member for member in recordings.members if member.clip.path not in paths),
        left_out={
            **recordings.left_out,
            **{path: f"a suspect, {distance:.1f} robust sd from the others" for path, distance in paths.items()},
        },
    )


def tell(progress: Progress, found: Sequence[Suspect], dropped: int) -> None:
    """Name the strangest; run.json has all of them."""
    for number, suspect in enumerate(found[:NAMED]):
        fate = "left out" if number < dropped else "kept (--drop-suspects N leaves N of them out)"
        progress.note(f"suspicious, {suspect.distance:.1f} robust sd from the other normals: {suspect.path}: {fate}")
    if len(found) > NAMED:
        progress.note(f"suspicious: {len(found)} normal clips in all, {min(dropped, len(found))} of them left out")
