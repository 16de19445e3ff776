"""A machine's normal clips to a table and judgements: ``gensup.tune`` without the page and the fitted detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gensup
from gensup.audio.files import AudioRef, fingerprint, inspect
from gensup.detection.crossfit import fit_and_score
from gensup.detection.examples import Examples
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.selection.records import ScoreTable
from gensup.steps.budget import Deadline
from gensup.steps.candidates import Candidates
from gensup.steps.costs import Costs
from gensup.steps.decision import Decided, Decision
from gensup.steps.limits import Limits
from gensup.steps.progress import QUIET
from gensup.steps.recordings import normals
from gensup.steps.scoring import Scoring
from gensup.steps.synthesize import Work
from gensup.steps.synthetic import Synthetic, read_sets
from gensup.store import open_run
from gensup.synthesis.twinset import WANTED

TRIALS = 1000  # all of a recipe's grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much of everything."""

    detectors: tuple[str, ...] = ("twfr-gmm",)
    # Of the default 50 pairs 14, as in the demo: the whole benchmark has to end within half an hour on two cores.
    settings: gensup.Settings


def selected(root: Path, machine: str, out: Path, engine: Engine, effort: Effort) -> Decided:
    """What ``gensup.tune`` decides, and by what, on the recordings below ``root``."""
    settings = effort.settings.checked()
    candidates = Candidates.of(effort.detectors, None)
    recordings = normals(root, machine, out=out, channel=0, skip_bad=False, engine=engine, progress=QUIET)
    work = Work.prepared(recordings, settings, None)

    def made(ordered: Work, folder: Path) -> Synthetic | None:
        open_run(folder, {"command": "tune", **ordered.described(settings)})
        return read_sets([folder], machine) if ordered.make(folder, (0, 1), engine, QUIET).made else None

    decision = Decision(
        out=out,
        recordings=recordings,
        scoring=Scoring(engine=engine, candidates=candidates, machine=machine, seed=settings.seed, deadline=Deadline()),
        costs=Costs(Limits(), {}, {}),
        trials=TRIALS,
        asked="auto",
        progress=QUIET,
        more=lambda wanted: made(work.more(wanted), out / WANTED),
    )
    asked = made(work, out)
    if asked is None:
        raise GensupError("no twin could be made", where=machine, remedy="see gensup synthesize")
    return decision.reached(asked)


def real_scores(
    engine: Engine, table: ScoreTable, detectors: Sequence[str], train: Sequence[Path], test: Sequence[Path]
) -> NDArray[np.float64]:
    """(trials, test clips): every candidate of ``table`` fitted on all ``train`` clips."""
    params = Candidates.of(detectors, None).params
    place = {trial.id: i for i, trial in enumerate(table.trials)}
    found = np.empty((len(place), len(test)))
    for scored in fit_and_score(engine, {trial: params[trial] for trial in place}, examples(train), examples(test)):
        for trial, scores in zip(scored.trials, scored.scores, strict=True):
            found[place[trial]] = scores.reshape(-1)
    return found


def examples(clips: Sequence[Path]) -> Examples:
    """Clips of one model, as a detector may see them."""
    refs = tuple(map(reference, clips))
    return Examples(audio=refs, key=tuple(map(sound, clips)), group=("machine",) * len(refs))


def reference(clip: Path) -> AudioRef:
    """A clip's first channel at its own rate."""
    return AudioRef(clip, inspect(clip).rate, 0)


def sound(clip: Path) -> str:
    """What a clip is known by, whatever it is called."""
    return fingerprint(reference(clip).read())
