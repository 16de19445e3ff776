"""tune: twins choose among candidates, and the choice is fitted on every normal clip. No real label is read before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.crossfit import unfit
from gensup.detection.speed import ms_per_clip
from gensup.engine import Engine, for_workers
from gensup.errors import GensupError
from gensup.reporting import write_report
from gensup.selection.records import Judgement, ScoreTable, Verdict
from gensup.selection.scalar import fixed
from gensup.selection.utility import judge
from gensup.selection.verdict import Asked, decide
from gensup.steps import suspects
from gensup.steps.budget import Deadline, scattered
from gensup.steps.build import build
from gensup.steps.candidates import Candidates
from gensup.steps.limits import Limits
from gensup.steps.log import log
from gensup.steps.oracle import oracle as open_labels
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import Recordings, normals
from gensup.steps.scoring import Scoring, joined
from gensup.steps.search import explore
from gensup.steps.study import Row, Study, export
from gensup.steps.summary import summary
from gensup.steps.synthesize import Settings, Work
from gensup.steps.table import Exercise, Synthetic, conditions_left_out, exercise, read_sets
from gensup.steps.tainted import taints
from gensup.store import ArrayCache, RunLock, open_run, read_json, update_run, write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """How candidates are looked for, and what is built of the verdict."""

    answer: Asked = "auto"
    limits: Limits = field(default_factory=Limits)
    trials: int = 1000  # configurations; a space that has more is sampled
    budget_s: float | None = None  # afterwards no other candidate is begun
    drop_suspects: int = 0

    def described(self) -> dict[str, Json]:
        """For run.json. The budget is how long one call may take: a run may be continued with another."""
        limits = cast("Json", asdict(self.limits))
        plain: dict[str, Json] = {"answer": self.answer, "limits": limits, "trials": self.trials}
        return {"choosing": plain | {"drop_suspects": self.drop_suspects}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What ``tune`` decided and where it lies."""

    out: Path
    verdict: Verdict
    table: ScoreTable
    detector: Path
    report: Path
    suspects: tuple[suspects.Suspect, ...]


def tune(
    root: Path,
    machine: str,
    out: Path,
    *,
    synthetic: Sequence[Path] = (),
    detectors: Sequence[str] = ("twfr-gmm",),
    settings: Settings | None = None,
    choosing: Choosing | None = None,
    oracle: bool = False,
    channel: Channel = 0,
    prompts: Path | None = None,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Tuning:
    """Choose a detector for ``machine`` by synthetic anomalies and fit it; ``out`` becomes the run folder.

    Without ``synthetic`` it first makes a twin set in ``out``, as ``synthesize`` does with the same settings, and the
    rungs that its ladders turn out to lack in ``out/wanted``.

    Args:
        oracle: when the verdict stands, open the labelled test clips under ``root`` and say how good it was.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a read-only folder.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    synthetic = [Path(folder) for folder in synthetic]
    settings, choosing = (settings or Settings()).checked(), choosing or Choosing()
    if synthetic and replace(settings, seed=0) != Settings().checked():
        raise GensupError(
            "settings of a set that is not made",
            where="--synthetic",
            rule="with a set given, pairs, severities, faults, style and generator are the set's own",
            remedy="leave them out, or leave --synthetic out",
        )
    deadline = Deadline.after(choosing.budget_s)
    candidates = Candidates.of(detectors, detectors_overlay)
    engine = Followed(for_workers(workers), progress)
    kept = ArrayCache(cache) if cache else None
    recordings = normals(root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress)
    _check_fit(candidates, recordings, settings.seed)
    found = suspects.find(engine, candidates, recordings, settings.seed, kept)
    suspects.tell(progress, found, choosing.drop_suspects)
    recordings = suspects.without(recordings, found[: choosing.drop_suspects])
    config: dict[str, Json] = {"command": "tune"} | candidates.described() | recordings.described()
    config |= choosing.described()
    work = None
    if synthetic:
        asked = read_sets(synthetic, machine)
        open_run(out, config | {"synthetic": list(asked.fingerprint), "seed": settings.seed})
    else:
        work = Work.prepared(recordings, settings, prompts)
        open_run(out, config | work.described(settings))
        work.make(out, (0, 1), engine, progress)
        asked = read_sets([out], machine)
    with RunLock(out):
        log(out, "selection begins", clips=len(asked.clips), candidates=len(candidates.params))
        decision = _Decision(
            out=out,
            recordings=recordings,
            seed=settings.seed,
            choosing=choosing,
            scoring=_scoring(engine, candidates, recordings, settings.seed, out, choosing, deadline, kept),
            progress=progress,
        )
        decided = decision.reached(asked, work)
        verdict, table = decided.verdict, decided.table
        built = build(engine, candidates, verdict, table, decided.exercised, machine, kept)
        built.save(out / "detector")
        pruned = {trial.id: str(trial.reason) for trial, scores in decided.rows.values() if scores is None}
        summary(out, table, decided.judgements, verdict, pruned)
        _export(out, candidates, decided)
        strange = cast("Json", [asdict(suspect) for suspect in found])
        update_run(out, verdict=cast("Json", asdict(verdict)), suspects=strange)
        report = write_report(out, synthetic)
        log(out, "run finished", answer=verdict.answer)
        if oracle:
            open_labels(root, out, machine, candidates=candidates, recordings=recordings, engine=engine, progress=progress)
            report = write_report(out, synthetic)
    return Tuning(
        out=out, verdict=verdict, table=table, detector=out / "detector", report=report, suspects=found
    )


def _check_fit(candidates: Candidates, recordings: Recordings, run_seed: int) -> None:
    """End now, and not after an hour of twins, if there are too few clips to fit the default."""
    clips, arrangements = exercise(recordings, Synthetic((), True, ()), run_seed).normals(
        recordings.machine, candidates.group_by
    )
    default = {candidates.default: candidates.params[candidates.default]}
    for reason in unfit(default, arrangements, clips.group).values():
        raise GensupError(
            "too few normal clips",
            where=recordings.machine,
            value=reason,
            rule=f"every fold of every group ({', '.join(sorted(set(clips.group)))}) can fit the published default",
            remedy="give more normal clips; equal sounds count once",
        )


def _scoring(
    engine: Engine,
    candidates: Candidates,
    recordings: Recordings,
    run_seed: int,
    out: Path,
    choosing: Choosing,
    deadline: Deadline,
    cache: ArrayCache | None,
) -> Scoring:
    """How candidates are scored, with those that a limit forbids."""
    clips, _ = exercise(recordings, Synthetic((), True, ()), run_seed).normals(recordings.machine, candidates.group_by)
    costs = _costs(out, candidates, clips, choosing.limits, cache)
    reasons = {trial: choosing.limits.reason(cost.parameters, cost.ms) for trial, cost in costs.items()}
    return Scoring(
        engine=engine,
        candidates=candidates,
        machine=recordings.machine,
        deadline=deadline,
        cache=cache,
        forbidden={trial: reason for trial, reason in reasons.items() if reason is not None},
        costs=costs,
    )
