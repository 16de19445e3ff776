"""tune: twins choose among candidates, and the choice is fitted on every normal clip. No real label is read before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import cast

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.crossfit import Arrangement, unfit
from gensup.detection.examples import Examples
from gensup.detection.training.leftovers import forget
from gensup.engine import Engine, for_workers
from gensup.errors import GensupError
from gensup.reporting import write_report
from gensup.rng import digest
from gensup.selection.ranking import mean_utility
from gensup.selection.records import ScoreTable, Verdict
from gensup.selection.verdict import Asked
from gensup.steps import suspects
from gensup.steps.budget import Deadline
from gensup.steps.build import build
from gensup.steps.candidates import Candidates
from gensup.steps.costs import Costs
from gensup.steps.decision import Decided, Decision
from gensup.steps.engines import Where
from gensup.steps.limits import Limits
from gensup.steps.log import log
from gensup.steps.needed import Needed, described
from gensup.steps.neighbourhood import neighbourhood
from gensup.steps.optuna_journal import export
from gensup.steps.oracle import oracle as open_labels
from gensup.steps.pairs import with_generator
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import Recordings, normals
from gensup.steps.scoring import Scoring
from gensup.steps.seal import opened, sealed
from gensup.steps.summary import summary
from gensup.steps.suspects import Suspect
from gensup.steps.synthesize import Settings, Work
from gensup.steps.synthetic import Synthetic, read_sets
from gensup.steps.table import exercise
from gensup.store import RunLock, open_run
from gensup.store.run import read_run
from gensup.synthesis.diffusion import models
from gensup.synthesis.plan import HIGHEST
from gensup.synthesis.twinset import MANIFEST, WANTED

FRONTENDS = "frontends"  # folder of the frontends that a run trained


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
        plain: dict[str, Json] = {"answer": self.answer, "trials": self.trials, "drop_suspects": self.drop_suspects}
        return {"choosing": plain | self.limits.described()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What ``tune`` decided and where it lies."""

    out: Path
    verdict: Verdict
    table: ScoreTable
    detector: Path
    report: Path
    suspects: tuple[Suspect, ...]
    unjudged: GensupError | None = None  # why the oracle could not judge the verdict, where it was asked


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
    pattern: str | None = None,
    attributes: Path | None = None,
    prompts: Path | None = None,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    weights: Path | None = None,
    device: str | None = None,
    frontend: Path | None = None,
    noise: Path | None = None,
    noise_channel: Channel | None = None,
    workers: int | None = None,
    where: Where | None = None,
    progress: Progress = QUIET,
) -> Tuning:
    """Choose a detector for ``machine`` by synthetic anomalies and fit it; ``out`` becomes the run folder.

    Without ``synthetic`` it first makes a twin set in ``out``, as ``synthesize`` does with the same settings, and the
    rungs that its ladders turn out to lack in ``out/wanted``.

    ``pattern`` and ``attributes`` say how own names are read and where a table of attributes lies, see ``scan``.

    Args:
        weights: folder of pretrained checkpoints.
        device: cpu, cuda, cuda:1, for networks; None: the best that is there.
        frontend: a folder that ``train`` wrote, of other machines: it is used as it is. Without it frontends that are
            trained are trained here, once a fold and without the fold's clips, and kept in ``out/frontends``; what they
            could be continued from is removed at the end.
        noise: see ``fit``, and ``noise_channel``.
        oracle: when the verdict stands, open the labelled test clips under ``root`` and say how good it was.
        where: what makes the twins; of their bytes it changes none.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a read-only folder.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    synthetic = [Path(folder) for folder in synthetic]
    needed = Needed(
        weights=weights, device=device, frontend=frontend, cache=cache, noise=noise, noise_channel=noise_channel
    )
    front = needed.front()
    candidates = Candidates.of(detectors, detectors_overlay, front)
    needed.check_noise(candidates.params.values())
    settings, choosing = settings or Settings(), choosing or Choosing()
    if not synthetic:
        settings = with_generator(settings, candidates.recipes.values())
    settings = settings.checked()
    where = (where or Where()).checked()
    if synthetic and replace(settings, seed=0) != Settings().checked():
        raise GensupError(
            "settings of a set that is not made",
            where="--synthetic",
            rule="with a set given, pairs, severities, faults, style and generator are the set's own",
            remedy="leave them out, or leave --synthetic out",
        )
    _check_apart(root, synthetic)
    deadline = Deadline.after(choosing.budget_s)
    with Followed(for_workers(workers), progress) as engine:
        recordings = normals(
            root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        if front is not None:
            front.check_sound(recordings)
            front.check_unheard(recordings)
        _check_fit(candidates, _alone(candidates, recordings, settings.seed), recordings)
        heard = needed.others(
            tuple(candidates.recipes.values()), root, recordings, out=out, skip_bad=skip_bad, engine=engine,
            progress=progress, pattern=pattern, attributes=attributes,
        )  # fmt: skip
        noises = needed.noise_for(
            candidates.params.values(), root, recordings, heard, out=out, skip_bad=skip_bad, engine=engine,
            progress=progress, pattern=pattern,
        )  # fmt: skip
        means = needed.means(out / FRONTENDS, heard, noises)
        found = suspects.find(engine, candidates, recordings, settings.seed, means)
        suspects.tell(progress, found, choosing.drop_suspects)
        recordings = suspects.without(recordings, found[: choosing.drop_suspects])
        _check_fit(candidates, _alone(candidates, recordings, settings.seed), recordings)
        config: dict[str, Json] = {"command": "tune"} | candidates.described() | recordings.described()
        config |= (
            choosing.described() | ({} if pattern is None else {"pattern": pattern}) | described(front, heard, noises)
        )
        own = None
        if synthetic:
            given = read_sets(synthetic, machine)
            fixed = config | {"synthetic": list(given.fingerprint), "seed": settings.seed}
            open_run(out, fixed, beside=[FRONTENDS])
        else:
            makers = Followed(where.makers(engine.engine, model=settings.diffusion is not None), progress)
            own = OwnTwins(
                Work.prepared(recordings, settings, prompts, where), settings, recordings, out, makers, progress
            )
            open_run(out, config | own.work.described(settings), beside=[FRONTENDS])
        alone, _ = _alone(candidates, recordings, settings.seed)
        costs = Costs.of(out, candidates.params, alone, choosing.limits, means)
        _check_limits(candidates, costs)
        asked = own.made() if own else given
        with RunLock(out):
            opened(out)
            log(out, "selection begins", clips=len(asked.clips), candidates=len(candidates.params))
            decision = Decision(
                out=out,
                recordings=recordings,
                scoring=Scoring(
                    engine=engine,
                    candidates=candidates,
                    machine=machine,
                    seed=settings.seed,
                    deadline=deadline,
                    means=means,
                    forbidden=costs.forbidden(),
                ),
                costs=costs,
                trials=choosing.trials,
                asked=choosing.answer,
                progress=progress,
                more=own.more if own else None,
                highest=own.work.scheme.highest if own else HIGHEST,
            )
            decided = decision.reached(asked)
            verdict, table = decided.verdict, decided.table
            build(engine, candidates, verdict, table, decided.exercised, machine, means).save(out / "detector")
            _written(out, candidates, decided)
            neighbourhood(engine, out, decided.exercised, decided.judgements, machine, settings.seed)
            strange = cast("Json", [asdict(suspect) for suspect in found])
            settled = cast("Json", asdict(verdict))
            _forget_oracle(out, settled)
            sealed(out, verdict=settled, suspects=strange)
            report = write_report(out, synthetic)
            log(out, "run finished", answer=verdict.answer)
    unjudged = None
    if oracle:
        try:
            open_labels(
                root, out, detectors_overlay=detectors_overlay, skip_bad=skip_bad, cache=cache, workers=workers,
                progress=progress, needed=needed, attributes=attributes,
            )  # fmt: skip
            report = write_report(out, synthetic)
        except GensupError as error:  # the run is finished all the same
            unjudged = error
    forget(out / FRONTENDS)
    return Tuning(
        out=out, verdict=verdict, table=table, detector=out / "detector", report=report, suspects=found,
        unjudged=unjudged,
    )  # fmt: skip


def _check_limits(candidates: Candidates, costs: Costs) -> None:
    """End now, and not after an hour of twins, if no candidate is within the limits."""
    forbidden = costs.forbidden()
    if len(forbidden) == len(candidates.params):
        raise GensupError(
            "no candidate is within the limits",
            where="--limit",
            value=forbidden[candidates.default],
            rule="at least one configuration is",
            remedy="give wider limits and another --out, or a recipe of smaller models",
        )


def _check_apart(root: Path, synthetic: Sequence[Path]) -> None:
    """Recordings under ROOT are no synthetic clips: the labels of a test folder would choose the detector."""
    for folder in synthetic:
        here, there = root.resolve(), folder.resolve()
        if not (folder / MANIFEST).is_file() and (there.is_relative_to(here) or here.is_relative_to(there)):
            raise GensupError(
                "recordings given as synthetic clips",
                where="--synthetic",
                value=str(folder),
                rule="clips without a metadata.jsonl lie outside ROOT: real labels are opened by --oracle alone",
                remedy="name a twin set, or move the synthetic clips elsewhere",
            )


@dataclass(frozen=True, slots=True)
class OwnTwins:
    """The twins that a run makes for itself, in its own folder."""

    work: Work
    settings: Settings
    recordings: Recordings
    out: Path
    engine: Engine
    progress: Progress

    def made(self) -> Synthetic:
        """The set, finished. A model that made it is let go of: candidates may want its memory."""
        self.work.make(self.out, (0, 1), self.engine, self.progress)
        models.forget()
        return read_sets([self.out], self.recordings.machine)

    def more(self, wanted: Sequence[tuple[str, float]]) -> Synthetic | None:
        """Families at severities that the set lacks; None where all of them lie beyond their fault's bound."""
        further, folder = self.work.more(wanted, self.out), self.out / WANTED
        open_run(folder, {"command": "tune", **self.recordings.described(), **further.described(self.settings)})
        made = further.make(folder, (0, 1), self.engine, self.progress).made
        models.forget()
        return read_sets([folder], self.recordings.machine) if made else None


def _alone(candidates: Candidates, recordings: Recordings, run_seed: int) -> tuple[Examples, tuple[Arrangement, ...]]:
    """The normal clips and their folds, without a single question."""
    alone = exercise(recordings, Synthetic((), True, ()), run_seed, candidates.repeats)
    return alone.normals(recordings.machine, candidates.group_by)


def _check_fit(candidates: Candidates, alone: tuple[Examples, tuple[Arrangement, ...]], recordings: Recordings) -> None:
    """End now, and not after an hour of twins, if there are too few clips to fit the default."""
    clips, arrangements = alone
    default = {candidates.default: candidates.params[candidates.default]}
    for reason in unfit(default, arrangements, clips.group).values():
        raise GensupError(
            "too few normal clips",
            where=recordings.machine,
            value=reason,
            rule=f"every fold of every group ({', '.join(sorted(set(clips.group)))}) can fit the published default",
            remedy="give more normal clips; equal sounds count once",
        )


def _forget_oracle(out: Path, verdict: Json) -> None:
    """Remove what labels said of another verdict: a run that is continued with a larger budget may reach a new one."""
    before = read_run(out).get("verdict")
    if before is not None and digest(before) != digest(verdict):
        (out / "evaluation" / "oracle.json").unlink(missing_ok=True)


def _written(out: Path, candidates: Candidates, decided: Decided) -> None:
    """trials/: the table's summary, and the study as an Optuna journal."""
    verdict, table = decided.verdict, decided.table
    trials = [trial for trial, _ in decided.rows.values()]
    pruned = {trial.id: str(trial.reason) for trial in trials if trial.state != "complete"}
    summary(out, table, decided.judgements, verdict, pruned)
    voters = [judgement for judgement in decided.judgements if judgement.weight > 0]
    values = mean_utility(voters).tolist() if voters else []
    export(
        out,
        candidates,
        trials,
        {trial.id: value for trial, value in zip(table.trials, values, strict=False)},
        dict(verdict.ranking),
    )
