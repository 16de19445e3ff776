"""Where trained weights are kept: the same training is done once, also when it is asked for by two sweeps or killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import torch
from torch import Tensor, nn

from gensup.clip import Json
from gensup.detection.devices import out_of_memory
from gensup.detection.examples import Examples
from gensup.detection.learnt import Weights
from gensup.detection.means import Means
from gensup.detection.parts import Arrays
from gensup.detection.training.leftovers import TRAINING
from gensup.rng import digest
from gensup.store import write_bytes
from gensup.store.lock import BusyError, RunLock
from gensup.training import snapshots
from gensup.training.course import Course
from gensup.training.loop import Judge, Losses, Trainer, kept
from gensup.training.team import Team

PATIENCE_S = 1.0  # between two looks at a folder in which another process is training


def weights(
    frontend: Any,
    normals: Examples,
    labels: tuple[str, ...],
    means: Means,
    seed: int,
    make: Callable[[Path], Arrays],
    beside: tuple[str, ...] = (),
    idle: tuple[str, ...] = (),
    beyond: Mapping[str, Json] | None = None,
) -> Weights:
    """The trained arrays of a frontend: found in ``means.folder``, or made and left there.

    Args:
        frontend: a frozen dataclass with ``name`` and ``version``.
        normals: all that it is trained on, and ``labels`` their classes.
        make: trains in a folder, which it may find as a killed training left it.
        beside: fields that do not change the training: configurations that differ in them alone share its folder.
        idle: fields that change nothing as they stand: the training is called as one without these fields.
        beyond: what else it depends on.
    """
    settings: dict[str, Json] = {name: value for name, value in asdict(frontend).items() if name not in idle}
    domains = None if normals.target_domain is None else normals.target_domain.tolist()
    sounds: list[Json] = [[ref.rate, ref.channel] for ref in normals.audio[:1]]
    fixed: list[Json] = [frontend.name, frontend.version, sounds, list(normals.key), list(labels), domains, seed]
    if beyond:
        fixed.append(dict(beyond))
    if means.folder is None:
        with TemporaryDirectory(prefix="gensup-") as folder:
            return Weights.held(make(Path(folder)))
    from safetensors.numpy import save

    file = means.folder / f"{digest('frontend', settings, *fixed)}.safetensors"
    if not file.is_file():
        shared = {name: value for name, value in settings.items() if name not in beside}
        folder_ = means.folder / f"{TRAINING}{digest('training', shared, *fixed)}"
        with _alone(folder_):
            if not file.is_file():
                write_bytes(file, save(make(folder_)))
    return Weights.lying(file)


def trained(
    folder: Path,
    module: nn.Module,
    losses: Callable[[Team], Losses],
    course: Course,
    device: str | None,
    judge: Judge | None = None,
) -> dict[str, Tensor]:
    """The module's trained parameters and its buffers after ``course.steps``; what ``folder`` knows is not done again.

    Raises:
        GensupError: no such device, too little memory, or a training that came apart.
    """
    found = kept(folder, course.steps)
    if found is not None:
        return found
    newest = snapshots.newest(folder / "checkpoints")
    if newest is not None and newest.name >= snapshots.named(folder, course.steps).name:
        # Another sweep went further and did not stop here.
        folder = folder / f"to-{course.steps}"
        if (found := kept(folder, course.steps)) is not None:
            return found
    team = Team(course.dtype, device)
    try:
        module.to(team.device)
        parameters = {name: value for name, value in module.named_parameters() if value.requires_grad}
        trainer = Trainer(folder, parameters, losses(team), course, team, judge, module=module)
        for _ in trainer.run():
            pass
    except torch.OutOfMemoryError as error:
        raise out_of_memory(error, "in training", "a smaller frontend.batch") from None
    return {name: value.detach().cpu().clone() for name, value in trainer.candidate().items()}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder; wait for another process that trains there."""
    while True:
        lock = RunLock(folder)
        try:
            lock.__enter__()
        except BusyError:
            sleep(PATIENCE_S)
            continue
        break
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
