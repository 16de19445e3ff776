"""tune: twins choose among candidates, and the chosen one is fitted on every normal clip. No real label is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.chain import ChainDetector, fit
from gensup.detection.crossfit import crossfit, unfit
from gensup.engine import Engine, for_workers
from gensup.errors import GensupError
from gensup.reporting import write_report
from gensup.selection import exams
from gensup.selection.records import ScoreTable, Trial, Verdict
from gensup.selection.utility import judge
from gensup.selection.verdict import decide
from gensup.steps.candidates import Candidates
from gensup.steps.log import log
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import Recordings, normals
from gensup.steps.study import Study, summary
from gensup.steps.synthesize import Settings, Work
from gensup.steps.table import Exercise, Synthetic, exercise, read_sets
from gensup.store import ArrayCache, RunLock, open_run, update_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What ``tune`` decided and where it lies."""

    out: Path
    verdict: Verdict
    table: ScoreTable
    detector: Path
    report: Path


def tune(
    root: Path,
    machine: str,
    out: Path,
    *,
    synthetic: Sequence[Path] = (),
    detectors: Sequence[str] = ("twfr-gmm",),
    settings: Settings | None = None,
    channel: Channel = 0,
    prompts: Path | None = None,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Tuning:
    """Choose a detector for ``machine`` by synthetic anomalies and fit it; ``out`` becomes the run folder.

    Without ``synthetic`` it first makes a twin set in ``out``, as ``synthesize`` does with the same settings.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a read-only folder.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    synthetic = [Path(folder) for folder in synthetic]
    settings = (settings or Settings()).checked()
    if synthetic and replace(settings, seed=0) != Settings().checked():
        raise GensupError(
            "settings of a set that is not made",
            where="--synthetic",
            rule="with a set given, pairs, severities, faults, style and generator are the set's own",
            remedy="leave them out, or leave --synthetic out",
        )
    candidates = Candidates.of(detectors, detectors_overlay)
    engine = Followed(for_workers(workers), progress)
    recordings = normals(root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress)
    _check_fit(candidates, recordings, settings.seed)
    config: dict[str, Json] = {"command": "tune"} | candidates.described() | recordings.described()
    if synthetic:
        asked = read_sets(synthetic, machine)
        given: dict[str, Json] = {"synthetic": list(asked.fingerprint), "seed": settings.seed}
        open_run(out, config | given)
    else:
        work = Work.prepared(recordings, settings, prompts)
        open_run(out, config | work.described(settings))
        work.make(out, (0, 1), engine, progress)
        asked = read_sets([out], machine)
    exercised = exercise(recordings, asked, settings.seed)
    kept = ArrayCache(cache) if cache else None
    with RunLock(out):
        log(out, "selection begins", clips=len(exercised.columns), candidates=len(candidates.params))
        table = _scored(engine, candidates, exercised, recordings, Study(out), kept)
        judgements = judge(table)
        verdict = decide(table, judgements)
        fitted = _fitted(engine, candidates, verdict, table, exercised, recordings, kept)
        fitted.save(out / "detector")
        summary(out, table, judgements, verdict)
        update_run(out, verdict=cast("Json", asdict(verdict)))
        report = write_report(out, synthetic)
        log(out, "run finished", answer=verdict.answer)
    return Tuning(out=out, verdict=verdict, table=table, detector=out / "detector", report=report)


def _check_fit(candidates: Candidates, recordings: Recordings, run_seed: int) -> None:
    """End now, and not after an hour of twins, if there are too few clips to fit any candidate or the default."""
    alone = exercise(recordings, Synthetic((), True, ()), run_seed)
    for name, recipe in candidates.recipes.items():
        clips, arrangement = alone.normals(recordings.machine, recipe.group_by)
        mine = {trial: params for trial, params in candidates.params.items() if candidates.recipe_of[trial] == name}
        reasons = unfit(mine, [arrangement], clips.group)
        if candidates.default in reasons:
            raise GensupError(
                "too few normal clips",
                where=recordings.machine,
                value=reasons[candidates.default],
                rule=f"every fold of every group ({', '.join(sorted(set(clips.group)))}) can fit the published default",
                remedy="give more normal clips; equal sounds count once",
            )


def _scored(
    engine: Engine,
    candidates: Candidates,
    exercised: Exercise,
    recordings: Recordings,
    study: Study,
    cache: ArrayCache | None,
) -> ScoreTable:
    """Every candidate's out-of-fold scores of every clip; what the study holds already is not scored again."""
    study.begin(exercised.columns)
    rows: dict[str, tuple[Trial, NDArray[np.float64] | None]] = study.read()
    for group_by in sorted({recipe.group_by for recipe in candidates.recipes.values()}):
        clips = exercised.examples(recordings.machine, group_by)
        wanted = {
            trial: params
            for trial, params in candidates.params.items()
            if trial not in rows and candidates.recipes[candidates.recipe_of[trial]].group_by == group_by
        }
        pruned = unfit(wanted, [exercised.arrangement], clips.group)
        for trial, reason in pruned.items():
            rows[trial] = study.add(candidates.trial(trial, 0, reason), None)
        left = {trial: params for trial, params in wanted.items() if trial not in pruned}
        for scored in crossfit(engine, left, clips, [exercised.arrangement], cache):
            for trial, scores, parameters in zip(scored.trials, scored.scores[:, 0], scored.parameters, strict=True):
                broken = None if np.isfinite(scores).all() else "its scores are not finite"
                rows[trial] = study.add(candidates.trial(trial, parameters, broken), None if broken else scores)
    study.finish()
    complete = [(trial, scores) for _, (trial, scores) in sorted(rows.items()) if scores is not None]
    if not complete:
        raise GensupError(
            "no candidate can be fitted", value=next(iter(rows.values()))[0].reason, remedy="give more normal clips"
        )
    return ScoreTable(
        trials=tuple(trial for trial, _ in complete),
        columns=exercised.columns,
        scores=np.stack([scores for _, scores in complete]),
        exams=exams.build(exercised.columns, exercised.questions),
        default=candidates.default if any(t.id == candidates.default for t, _ in complete) else None,
        paired=exercised.paired,
    )


def _fitted(
    engine: Engine,
    candidates: Candidates,
    verdict: Verdict,
    table: ScoreTable,
    exercised: Exercise,
    recordings: Recordings,
    cache: ArrayCache | None,
) -> ChainDetector:
    """The chosen configuration on every normal clip; the table holds its held-out scores already."""
    if not verdict.members:
        raise GensupError(
            "nothing can be chosen",
            value=verdict.sentence,
            rule="the published default cannot be fitted on so few clips either",
            remedy="give more normal clips",
        )
    member = verdict.members[0]
    recipe = candidates.recipes[candidates.recipe_of[member]]
    clips, _ = exercised.normals(recordings.machine, recipe.group_by)
    place = next(i for i, trial in enumerate(table.trials) if trial.id == member)
    return fit(
        engine,
        recipe.name,
        recipe.group_by,
        candidates.params[member],
        clips,
        table.scores[place, exercised.arrangement.train],
        machine=recordings.machine,
        cache=cache,
    )
