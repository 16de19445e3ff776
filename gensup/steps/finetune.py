"""finetune: a text-to-audio model hears machines that broke, and the target in health. A killed run continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gensup.audio.files import Channel
from gensup.clip import Clip, Json
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.metadata import first_shot, join, references, scan, tables_below
from gensup.metadata.tree import is_ours
from gensup.registry import unknown
from gensup.rng import digest
from gensup.steps.log import log
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import listen
from gensup.steps.references import ALL, References, chosen
from gensup.store import RunLock, open_run, update_run
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.examples import Role, TrainingClip
from gensup.synthesis.finetuning.holdout import HeldOut, hold_out
from gensup.synthesis.finetuning.sampler import Cell

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.checkpoint import Checkpoint
    from gensup.synthesis.finetuning.session import Outcome, Session

LATENTS = "latents"  # below the run's folder unless another cache is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Finetuning:
    """What a call of ``finetune`` did."""

    out: Path
    first: bool  # whether this process is the one that writes and speaks
    clips: int
    training: int  # clips that were trained on; the others are held out
    cells: tuple[Cell, ...]  # how often each was drawn
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Found:
    """Clips by role, from every root."""

    files: tuple[tuple[Clip, Path, Role], ...]
    references: References


def finetune(
    roots: Sequence[Path],
    out: Path,
    *,
    model: str,
    reference: Sequence[str] = (ALL,),
    target: Sequence[str] = (),
    revision: str | None = None,
    course: Course | None = None,
    native: bool = False,
    hold_out_machine: str | None = None,
    same_machine: bool = False,
    offline: bool = False,
    device: str | None = None,
    cache: Path | None = None,
    generated: int = 32,
    channel: Channel = 0,
    attributes: Path | None = None,
    prompts: Path | None = None,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Finetuning:
    """Fine-tune ``model`` on recordings, and leave in ``out`` an adapter that generators take as a model.

    Of references, normal and anomalous clips are heard, of targets normal training clips and nothing else. Started by
    ``accelerate launch``, the processes share every step; the same command continues a run that was stopped.

    Args:
        roots: folders of recordings; a machine may lie in several.
        model: a checkpoint's folder, or its name on the hub.
        reference: machines, or "all": every one that is no target.
        target: machines that detectors will be tuned for; none is allowed where a reference is held out for a test.
        native: compute in bfloat16 where there is a GPU, whatever the course says.
        hold_out_machine: a reference of which nothing is trained on: validation hears it.
        same_machine: let an alias or an emulation of a target be a reference; the record says so.
        cache: keeps encoded clips; several runs may share it.
        generated: twins that are made of the held-out machine at the end, to ask whether severities can be heard; 0:
            none.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a training that came apart.
    """
    # Here and not above: what only reads names needs no torch.
    from gensup.synthesis.diffusion.checkpoint import open_checkpoint
    from gensup.synthesis.finetuning.adapter import check_base
    from gensup.synthesis.finetuning.session import Session, opened
    from gensup.training.team import Team, has_gpu

    roots, out = [Path(root) for root in roots], Path(out)
    course = (course or Course()).checked()
    _check_places(roots, out)
    found = _found(roots, out, reference, target, same_machine, attributes, prompts, progress)
    checkpoint = open_checkpoint(model, revision, offline=offline)
    check_base(checkpoint)
    if native and has_gpu(device):
        course = replace(course, dtype="bfloat16")
    team = Team(course.dtype, device)
    if not team.first:
        progress = QUIET
    family = opened(checkpoint, team)
    for line in (*found.references.lines(), f"{checkpoint.name}: licence {checkpoint.licence}"):
        progress.note(line)
    clips = _heard(found, family.grid.rate, channel, skip_bad, workers, progress)
    held = hold_out(clips, course.seed, machine=hold_out_machine, overlay=prompts)
    _check_anomalies([clips[index] for index in held.training], progress)
    session = Session(clips, held, checkpoint, family, course, team, cache or out / LATENTS, prompts)
    config = _config(session, found.references, target, hold_out_machine, channel)
    if not team.first:
        team.wait()  # until run.json stands
        return _trained(session, out, generated, progress)
    open_run(out, config)
    with RunLock(out):
        team.wait()
        return _trained(session, out, generated, progress)


def _trained(session: Session, out: Path, generated: int, progress: Progress) -> Finetuning:
    """Encode, train and leave the adapter; only the first process writes."""
    team, course = session.team, session.course
    for _ in progress.follow(session.fill(), session.left, "encoding"):
        pass
    trainer = session.trainer(out)
    began = trainer.standing.step
    if team.first:
        log(out, "training begins", step=began, processes=team.size, device=str(team.device))
        progress.note(f"{session.trained.count} parameters are trained, on {team.size} x {team.device}")
        if began:
            progress.note(f"continues after step {began} of {course.steps}")
        if not session.captions:
            progress.note("nothing is held out: no machine has several attribute groups, and --hold-out names none")
    for _ in progress.follow(trainer.run(), course.steps - began, "training"):
        pass
    cells = session.cells(trainer.standing.step)
    outcome = session.finish(trainer, out, count=generated)
    if team.first:
        _report(out, outcome, cells)
    team.wait()
    return Finetuning(
        out=out,
        first=team.first,
        clips=len(session.clips),
        training=len(session.held.training),
        cells=cells,
        outcome=outcome,
    )


def _report(out: Path, outcome: Outcome, cells: Sequence[Cell]) -> None:
    facts: dict[str, Json] = {
        "step": outcome.step,
        "steps": outcome.steps,
        "skipped": outcome.skipped,
        "held_out": outcome.held_out,
        "condition_auc": outcome.condition_auc,
        "trained": outcome.trained,
    }
    seen: list[Json] = [
        {
            "machine": cell.machine,
            "condition": cell.condition,
            "domain": "target" if cell.target_domain else "source",
            "clips": cell.clips,
            "share": cell.share,
            "seen": cell.seen,
        }
        for cell in cells
    ]
    update_run(out, training={**facts, "cells": seen})
    log(out, "training ends", **facts)


def _check_places(roots: Sequence[Path], out: Path) -> None:
    if not roots:
        raise GensupError("no folder of recordings", where="ROOT", remedy="name at least one")
    for root in roots:
        if out.resolve() in (root.resolve(), *root.resolve().parents):
            raise GensupError("the output would hold the recordings", where=str(out), remedy="name another --out")
        for folder in root.resolve().parents:
            if is_ours(folder):
                raise GensupError(
                    "this folder is part of a run or a twin set",
                    where=str(root),
                    value=str(folder),
                    rule="generated clips are never taken for recordings",
                    remedy="name the folder of the recordings",
                )


def _found(
    roots: Sequence[Path],
    out: Path,
    reference: Sequence[str],
    target: Sequence[str],
    same: bool,
    attributes: Path | None,
    prompts: Path | None,
    progress: Progress,
) -> _Found:
    """Which clips may be heard, by names and tables alone: no sound is opened before this has ended."""
    scanned = {root: scan(root, exclude=[out]) for root in roots}
    here = {root: {clip.machine for clip in clips if clip.machine is not None} for root, clips in scanned.items()}
    named = {machine for machines in here.values() for machine in machines}
    picked = chosen(reference, target, named, same=same, overlay=prompts)
    missing = [machine for machine in target if machine not in named]
    if missing and all(clip.machine is not None for clips in scanned.values() for clip in clips):
        raise unknown("machine", missing[0], tuple(sorted(named)), where="--target")
    asked = () if attributes is None else (attributes,)
    files: list[tuple[Clip, Path, Role]] = []
    for root, clips in scanned.items():
        taken: list[tuple[Clip, Role]] = []
        for machine in target:
            if machine in here[root] or any(clip.machine is None for clip in clips):
                normals, aside = first_shot(root, clips, machine)
                taken += [(clip, "target") for clip in normals.target]
                for line in aside.lines():
                    progress.note(f"{root}, {machine}: {line}")
        others = [machine for machine in picked.machines if machine in here[root]]
        labelled, aside = references(root, clips, others)
        for line in aside.lines():
            progress.note(f"{root}: {line}")
        taken += [(clip, "reference") for clip in labelled]
        tables = tables_below(root, exclude=[out])
        joined = join(root, [clip for clip, _ in taken], tables, named=asked, machines=here[root])
        for line in joined.lines():
            progress.note(line)
        files += [(clip, root / clip.path, role) for clip, (_, role) in zip(joined.clips, taken, strict=True)]
    if not files:
        raise GensupError("no clips to train on", where=str(roots[0]), remedy="see gensup scan for what names say")
    return _Found(tuple(files), picked)


def _heard(
    found: _Found, rate: int, channel: Channel, skip_bad: bool, workers: int | None, progress: Progress
) -> list[TrainingClip]:
    """The clips that pass the gate, at the model's rate."""
    files = [(clip, path) for clip, path, _ in found.files]
    with Followed(for_workers(workers), progress) as engine:
        recordings = listen(
            files, "fine-tuning", rate=rate, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress
        )
    roles = {path: role for _, path, role in found.files}
    return [
        TrainingClip(member.clip, member.ref, member.key, member.seconds, roles[member.ref.path])
        for member in recordings.members
    ]


def _check_anomalies(training: Sequence[TrainingClip], progress: Progress) -> None:
    """A model that is trained on no anomaly learns to make none, however it is asked: that is no slip to pass over."""
    silent = sorted(
        {clip.machine for clip in training if clip.role == "reference"}
        - {clip.machine for clip in training if clip.condition == "anomaly"}
    )
    if any(clip.condition == "anomaly" for clip in training):
        for machine in silent:
            progress.note(f"{machine}: a reference without anomalous clips")
    elif silent:
        raise GensupError(
            "no anomalous clip to train on",
            where="--reference",
            value=", ".join(silent),
            rule="the word anomaly is learnt of references that broke",
            remedy="name references with anomalous clips; to train on health alone, name these machines as --target",
        )
    else:
        progress.note("no reference is trained on: the model hears no anomaly, and learns none")


def _config(
    session: Session, picked: References, target: Sequence[str], held_out: str | None, channel: Channel
) -> dict[str, Json]:
    """For run.json: all that decides the weights. Device and number of processes may change on the way."""
    checkpoint: Checkpoint = session.checkpoint
    clips = session.clips
    heard = digest([[clip.clip.path, clip.key, clip.role, repr(clip.clip)] for clip in clips])
    made_by: dict[str, Json] = {
        "name": checkpoint.name,
        "revision": checkpoint.revision,
        "family": checkpoint.family,
        "licence": checkpoint.licence,
    }
    held: HeldOut = session.held
    return {
        "command": "finetune",
        "model": made_by,
        "target": [*sorted(target)],
        "reference": cast("Json", picked.described()),
        "hold_out": held_out,
        "channel": channel,
        "captions": digest(list(session.mixture.all_captions())),
        "data": {
            "clips": len(clips),
            "fingerprint": heard,
            "training": len(held.training),
            "groups": len(held.groups),
            "machine": len(held.machine),
        },
        "course": cast("Json", session.course.described()),
    }
