"""The verdict as a detector: its members fitted on every normal clip, and fused where there are several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.detection.chain import ChainDetector, Wanted, fit_many
from gensup.detection.fusion import Combine, Member, fuse
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Scores
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.selection.panel import normal_places
from gensup.selection.records import ScoreTable, Verdict
from gensup.steps.candidates import Candidates
from gensup.steps.table import Exercise


def build(
    engine: Engine,
    candidates: Candidates,
    verdict: Verdict,
    table: ScoreTable,
    exercised: Exercise,
    machine: str,
    means: Means = NOTHING,
) -> Member:
    """What ``verdict.form`` asks for; the table holds everybody's held-out scores already.

    Raises:
        GensupError: the verdict has no member, because the published default cannot be fitted either.
    """
    if not verdict.members:
        raise GensupError(
            "nothing can be chosen",
            value=verdict.sentence,
            rule="the published default cannot be fitted either, or a limit forbids it",
            remedy="give more normal clips, or wider limits",
        )
    clips, _ = exercised.normals(machine, candidates.group_by)
    held_out = _held_out(table)
    heard = verdict.panel if verdict.form == "hedged" else ()
    wanted = list(dict.fromkeys([*verdict.members, *heard]))
    fitted: dict[str, ChainDetector] = {}
    for given, mine in candidates.by_material(wanted, means):
        described = [_wanted(candidates, trial, held_out[trial]) for trial in mine]
        models = fit_many(engine, described, candidates.group_by, clips, machine=machine, means=given)
        fitted |= dict(zip(mine, models, strict=True))

    def together(trials: Sequence[str], combine: Combine) -> tuple[Member, Scores]:
        return fuse(combine, [fitted[t] for t in trials], [held_out[t] for t in trials])

    if verdict.form == "hedged":
        parts = [together(verdict.members, "mean"), together(verdict.panel, "max")]
        return fuse("max", [member for member, _ in parts], [scores for _, scores in parts])[0]
    return together(verdict.members, "mean")[0] if len(verdict.members) > 1 else fitted[verdict.members[0]]


def _wanted(candidates: Candidates, trial: str, held_out: NDArray[np.float64]) -> Wanted:
    name = candidates.recipe_of[trial]
    return Wanted(name, candidates.params[trial], held_out, candidates.recipes[name].transductive)


def _held_out(table: ScoreTable) -> dict[str, NDArray[np.float64]]:
    """(clips x repeats,) scores of normal clips by models fitted without them, by trial."""
    normal = normal_places(table)
    return {trial.id: scores[normal] for trial, scores in zip(table.trials, table.scores, strict=True)}
