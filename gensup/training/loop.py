"""The training: a step is a function of the seed, its number and the weights before it, so a killed one continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import torch
from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.store import Journal, write_text
from gensup.store.files import encode
from gensup.training import snapshots
from gensup.training.course import Course
from gensup.training.ema import Ema
from gensup.training.team import Team

if TYPE_CHECKING:
    from gensup.clip import Json

IN_A_ROW = 10  # steps without a finite loss that end a training
MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's

Losses: TypeAlias = Callable[[int, Sequence[int]], Tensor]
"""Step and rows of its batch -> (rows,) their losses, or () the mean of them; a function of both and the weights alone.

The step's gradient is that of the mean over the whole batch, however its rows are spread over processes and parts.
"""


class Judge(Protocol):
    """Says how good the weights are that stand in the model now, on clips that are not trained on."""

    def __call__(self) -> Mapping[str, float]:
        """Losses by name; lower is better, and their mean decides. Called by every process of the team at once."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to; ``loss`` is the batch's weighted mean."""

    number: int  # of steps done
    loss: float
    taken: bool  # False: its loss or its gradients were not finite, and the weights are as before


@dataclass(slots=True)
class _Standing:
    """Where a training stands, beside its tensors."""

    step: int = 0
    updates: int = 0  # steps whose gradients were taken
    skipped: int = 0
    in_a_row: int = 0
    best_step: int | None = None
    best: float | None = None
    since_best: int = 0
    losses: list[float] = field(default_factory=list)  # since the last line of the history


class Trainer:
    """Trains ``parameters`` in place; ``folder`` gets ``checkpoints/`` (the newest), ``best/`` and ``history.jsonl``,
    and ``kept/`` of the course's ``keep_at``.

    Of a folder that holds a checkpoint the training continues; on a CPU it ends with the bytes of one that was never
    stopped. Only the first process of the team writes.

    Args:
        losses: what is to be small.
        module: what holds the parameters, if it has buffers (batch norm's) that are learnt beside them, or layers that
            are not the same in training: in its training mode at steps, in the other where it is judged and at the
            end. None: it is left as it is.

    Raises:
        GensupError: a course or checkpoint that makes no sense here.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, nn.Parameter],
        losses: Losses,
        course: Course,
        team: Team,
        judge: Judge | None = None,
        *,
        module: nn.Module | None = None,
    ) -> None:
        self.folder, self.parameters, self.losses = folder, dict(parameters), losses
        self.course, self.team, self.judge, self.module = course.checked(team.size), team, judge, module
        self.buffers = {} if module is None else _buffers(module)
        self.optimizer = team.optimizer(self.parameters.values(), course.learning_rate, course.weight_decay)
        self.ema = None if course.decay is None else Ema(self.parameters, course.decay)
        self.standing = _Standing()
        self.history = Journal(folder / "history.jsonl")
        self._resume()

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or no better validation is to be expected."""
        patience = self.course.patience
        tired = patience is not None and self.standing.since_best >= patience
        return self.standing.step >= self.course.steps or tired

    def run(self) -> Iterator[Step]:
        """Do what is left, a step at a time.

        Raises:
            GensupError: ``IN_A_ROW`` steps without a finite loss, or a checkpoint cannot be written.
        """
        course, standing = self.course, self.standing
        while not self.finished:
            done = self._step()
            if standing.step in course.keep_at:
                self._keep("kept", {})
            last = standing.step >= course.steps
            if last or standing.step % course.validate_every == 0:
                self._validate()
            due = standing.step % course.checkpoint_every == 0 and not standing.in_a_row  # nobody goes on from there
            if self.finished or due:
                self._save()
            if self.finished and self.module is not None:
                self.module.eval()
            yield done

    def learnt(self) -> tuple[int, dict[str, Tensor]]:
        """The step and the weights, averaged, of the best validation; without any, of the last step."""
        step = self.standing.best_step
        if step is None or self.judge is None:
            return self.standing.step, {name: value.detach().clone() for name, value in self.candidate().items()}
        return step, snapshots.load_tensors(snapshots.named(self.folder / "best", step) / "ema.safetensors")

    def kept(self, step: int) -> dict[str, Tensor] | None:
        """What ``learnt`` would have said after a step of ``keep_at``; None when it has not come to that."""
        return kept(self.folder, step)

    def candidate(self) -> dict[str, Tensor]:
        """The weights as they are now: averaged, if there is an average, and the buffers."""
        weights = self.parameters if self.ema is None else self.ema.average
        return {**weights, **self.buffers}

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Put weights into the model; the training is over with that."""
        for name, value in (*self.parameters.items(), *self.buffers.items()):
            value.copy_(weights[name])

    def _step(self) -> Step:
        course, standing = self.course, self.standing
        rate = course.learning_rate * min(1.0, (standing.step + 1) / max(1, course.warmup))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.team.device)
        before = {name: value.clone() for name, value in self.buffers.items()}
        if self.module is not None and not self.module.training:
            self.module.train()
        for rows in self.team.share(course.batch, course.accumulate):
            found = self.losses(standing.step, rows)
            loss = (found.sum() if found.dim() else found * len(rows)) / course.batch
            self.team.backward(loss)
            total += loss.detach()
        loss_of_all = float(self.team.sum(total))
        taken = isfinite(loss_of_all) and self._descend()
        self._settle(before, taken)
        standing.step += 1
        if taken:
            standing.updates += 1
            standing.in_a_row = 0
            standing.losses.append(loss_of_all)
            if self.ema is not None:
                self.ema.update(self.parameters)
        else:
            self._skip(loss_of_all)
        return Step(standing.step, loss_of_all, taken)

    @torch.no_grad()
    def _settle(self, before: Mapping[str, Tensor], taken: bool) -> None:
        """Buffers as all processes found them, or as they were: what made a loss infinite is in them, too."""
        for name, value in self.buffers.items():
            if not taken:
                value.copy_(before[name])
            elif self.team.size > 1 and value.is_floating_point():
                value.copy_(self.team.sum(value) / self.team.size)

    def _descend(self) -> bool:
        """Take the step that the gradients say; False when they are not finite."""
        self.team.gathered(self.parameters.values(), self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.course.clip or inf)
        finite = bool(torch.isfinite(norm))
        if finite or self.team.scale is not None:  # float16's scaler passes over the step itself, and learns from it
            self.optimizer.step()
        return finite

    def _skip(self, loss: float) -> None:
        """Count a step that was not taken. One that overflowed is how float16 finds its scale, and no sign of ill."""
        self.standing.skipped += 1
        scale = self.team.scale
        if isfinite(loss) and scale is not None and scale >= 1:
            return
        self.standing.in_a_row += 1
        if self.standing.in_a_row >= IN_A_ROW:
            kept = snapshots.newest(self.folder / "checkpoints")
            raise GensupError(
                "the training has come apart",
                where=str(self.folder),
                value=f"{IN_A_ROW} steps in a row without a finite loss, up to step {self.standing.step}",
                rule=f"kept: {kept.name if kept else 'no checkpoint, it was too early'}",
                remedy="train anew with a lower learning rate, or in float32",
            )

    def _validate(self) -> None:
        standing = self.standing
        row: dict[str, Json] = {"step": standing.step, "skipped": standing.skipped}
        if standing.losses:
            row["loss"] = sum(standing.losses) / len(standing.losses)
        standing.losses = []
        if self.judge is not None:
            if self.module is not None:
                self.module.eval()
            with nullcontext() if self.ema is None else self.ema.applied(self.parameters):
                found = self.judge()
            mean = sum(found.values()) / len(found)
            row["held_out"] = cast("Json", {name: _number(value) for name, value in found.items()})
            if isfinite(mean) and (standing.best is None or mean < standing.best):
                standing.best, standing.best_step, standing.since_best = mean, standing.step, 0
                self._keep("best", {"loss": mean})
            else:
                standing.since_best += 1
        if self.team.first:
            self.history.append(row)

    def _keep(self, folder: str, facts: Mapping[str, Json]) -> None:
        """Leave the weights as they are now in ``folder``."""
        if self.team.first:
            snapshot = snapshots.Snapshot({"ema": self.candidate()}, {"step": self.standing.step, **facts})
            snapshots.write(snapshots.named(self.folder / folder, self.standing.step), snapshot)

    def _save(self) -> None:
        """Write a checkpoint, then let go of what only older ones need."""
        standing = self.standing
        if self.team.first:
            state = self.optimizer.state
            # A parameter that no step has touched yet has no moments.
            moments = {
                f"{moment}/{name}": state[parameter].get(moment, torch.zeros_like(parameter))
                for name, parameter in self.parameters.items()
                for moment in MOMENTS
            }
            facts: dict[str, Json] = {name: getattr(standing, name) for name in _Standing.__dataclass_fields__}
            facts |= {"scaler": cast("Json", self.team.scaler_state())}
            if self.ema is not None:
                facts["ema_updates"] = self.ema.updates
            folder = self.folder / "checkpoints"
            kept = snapshots.named(folder, standing.step)
            tensors: dict[str, Mapping[str, Tensor]] = {"weights": self.parameters, "optimizer": moments}
            if self.ema is not None:
                tensors["ema"] = self.ema.average
            if self.buffers:
                tensors["buffers"] = self.buffers
            snapshots.write(kept, snapshots.Snapshot(tensors, facts))
            best = None if standing.best_step is None else snapshots.named(self.folder / "best", standing.best_step)
            for old in (*folder.glob("step-*"), *(self.folder / "best").glob("step-*")):
                if old not in (kept, best):
                    rmtree(old, ignore_errors=True)
        self.team.wait()

    def _resume(self) -> None:
        found = snapshots.newest(self.folder / "checkpoints")
        shapes = {name: tuple(parameter.shape) for name, parameter in self.parameters.items()}
        if found is not None:
            moments = {f"{moment}/{name}": shape for name, shape in shapes.items() for moment in MOMENTS}
            groups = {"weights": shapes, "optimizer": moments}
            if self.ema is not None:
                groups["ema"] = shapes
            if self.buffers:
                groups["buffers"] = {name: tuple(value.shape) for name, value in self.buffers.items()}
            snapshot = snapshots.read(found, groups)
            facts = dict(snapshot.facts)
            self.standing = _Standing(**{name: facts[name] for name in _Standing.__dataclass_fields__})  # type: ignore[arg-type]
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(snapshot.tensors["weights"][name])
                for name, value in self.buffers.items():
                    value.copy_(snapshot.tensors["buffers"][name])
            if self.ema is not None:
                self.ema.restore(snapshot.tensors["ema"], cast("int", facts["ema_updates"]))
            self._restore_optimizer(snapshot.tensors["optimizer"])
            self.team.restore_scaler(cast("dict[str, float | int] | None", facts["scaler"]))
        if self.team.first:
            self._forget()
        self.team.wait()

    def _restore_optimizer(self, moments: Mapping[str, Tensor]) -> None:
        if not self.standing.updates:
            return
        for name, parameter in self.parameters.items():
            state: dict[str, Tensor] = {m: moments[f"{m}/{name}"].to(parameter, copy=True) for m in MOMENTS}
            state["step"] = torch.tensor(float(self.standing.updates))
            self.optimizer.state[parameter] = state

    def _forget(self) -> None:
        """Cut off what the history says of steps that are done again."""
        rows = self.history.read()
        kept = [row for row in rows if cast("int", row["step"]) <= self.standing.step]
        if len(kept) < len(rows):
            lines = (encode(row, str(self.history.path)).decode() + "\n" for row in kept)
            write_text(self.history.path, "".join(lines))


def kept(folder: Path, step: int) -> dict[str, Tensor] | None:
    """The weights and buffers that the training in ``folder`` kept after ``step``; None when it did not."""
    found = snapshots.named(folder / "kept", step)
    return snapshots.load_tensors(found / "ema.safetensors") if (found / snapshots.STATE).is_file() else None


def _buffers(module: nn.Module) -> dict[str, Tensor]:
    """Those that belong to its state."""
    mine = module.state_dict(keep_vars=True)
    return {name: value for name, value in mine.items() if not isinstance(value, nn.Parameter)}


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
