"""The training: a step is a function of the seed, its number and the weights before it, so a killed one continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import torch
from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.rng import seed
from gensup.store import Journal, write_text
from gensup.store.files import encode
from gensup.synthesis.finetuning import snapshots
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.ema import Ema
from gensup.synthesis.finetuning.objective import Objective
from gensup.synthesis.finetuning.team import Team

if TYPE_CHECKING:
    from gensup.clip import Json
    from gensup.synthesis.diffusion.family import Embedding

IN_A_ROW = 10  # steps without a finite loss that end a training
CLIPPED = 1.0  # the gradient's norm, at most
MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's

Predict: TypeAlias = "Callable[[Tensor, Tensor, Embedding], Tensor]"
"""A family's ``denoise``, with gradients: latents, timesteps (rows,), stacked embedding -> what the UNet says."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a step's batch, on the CPU."""

    latents: Tensor  # (rows, channels, height, width), scaled
    real: Tensor  # (rows, height) bool: what is not padding
    embedding: Embedding  # stacked


class Material(Protocol):
    """What is trained on, by step and row."""

    def part(self, step: int, rows: Sequence[int]) -> Part: ...


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
    """Trains ``parameters`` in place; ``folder`` gets ``checkpoints/`` (the newest), ``best/`` and ``history.jsonl``.

    Of a folder that holds a checkpoint the training continues; on a CPU it ends with the bytes of one that was never
    stopped. Only the first process of the team writes.

    Raises:
        GensupError: a course or checkpoint that makes no sense here.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, nn.Parameter],
        predict: Predict,
        material: Material,
        objective: Objective,
        course: Course,
        team: Team,
        judge: Judge | None = None,
    ) -> None:
        self.folder, self.parameters, self.predict, self.material = folder, dict(parameters), predict, material
        self.objective, self.course, self.team, self.judge = objective, course.checked(team.size), team, judge
        self.optimizer = team.optimizer(self.parameters.values(), course.learning_rate)
        self.ema = Ema(self.parameters, course.decay)
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
            last = standing.step >= course.steps
            if last or standing.step % course.validate_every == 0:
                self._validate()
            due = standing.step % course.checkpoint_every == 0 and not standing.in_a_row  # nobody goes on from there
            if self.finished or due:
                self._save()
            yield done

    def learnt(self) -> tuple[int, dict[str, Tensor]]:
        """The step and the averaged weights of the best validation; without any, of the last step."""
        step = self.standing.best_step
        if step is None or self.judge is None:
            return self.standing.step, self.ema.average
        return step, snapshots.load_tensors(snapshots.named(self.folder / "best", step) / "ema.safetensors")

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Put weights into the model; the training is over with that."""
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])

    def _step(self) -> Step:
        course, standing = self.course, self.standing
        rate = course.learning_rate * min(1.0, (standing.step + 1) / max(1, course.warmup))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.team.device)
        for rows in self.team.share(course.batch, course.accumulate):
            loss = self._losses(standing.step, rows).sum() / course.batch
            self.team.backward(loss)
            total += loss.detach()
        loss_of_all = float(self.team.sum(total))
        taken = isfinite(loss_of_all) and self._descend()
        standing.step += 1
        if taken:
            standing.updates += 1
            standing.in_a_row = 0
            standing.losses.append(loss_of_all)
            self.ema.update(self.parameters)
        else:
            self._skip(loss_of_all)
        return Step(standing.step, loss_of_all, taken)

    def _losses(self, step: int, rows: Sequence[int]) -> Tensor:
        part = self.material.part(step, rows)
        draws = [torch.Generator().manual_seed(seed("training", self.course.seed, step, row)) for row in rows]
        timesteps = torch.cat([torch.randint(self.objective.timesteps, (1,), generator=draw) for draw in draws])
        noise = torch.stack([torch.randn(part.latents.shape[1:], generator=draw) for draw in draws])
        return losses(self.predict, self.objective, self.team, part, noise, timesteps)

    def _descend(self) -> bool:
        """Take the step that the gradients say; False when they are not finite."""
        self.team.gathered(self.parameters.values(), self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), CLIPPED)
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
                remedy="begin another --out with a lower --lr, or with --dtype float32",
            )

    def _validate(self) -> None:
        standing = self.standing
        row: dict[str, Json] = {"step": standing.step, "skipped": standing.skipped}
        if standing.losses:
            row["loss"] = sum(standing.losses) / len(standing.losses)
        standing.losses = []
        if self.judge is not None:
            with self.ema.applied(self.parameters):
                found = self.judge()
            mean = sum(found.values()) / len(found)
            row["held_out"] = cast("Json", {name: _number(value) for name, value in found.items()})
            if isfinite(mean) and (standing.best is None or mean < standing.best):
                standing.best, standing.best_step, standing.since_best = mean, standing.step, 0
                if self.team.first:
                    best = snapshots.Snapshot({"ema": self.ema.average}, {"step": standing.step, "loss": mean})
                    snapshots.write(snapshots.named(self.folder / "best", standing.step), best)
            else:
                standing.since_best += 1
        if self.team.first:
            self.history.append(row)

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
            facts |= {"ema_updates": self.ema.updates, "scaler": cast("Json", self.team.scaler_state())}
            folder = self.folder / "checkpoints"
            kept = snapshots.named(folder, standing.step)
            tensors: dict[str, Mapping[str, Tensor]] = {
                "weights": self.parameters,
                "ema": self.ema.average,
                "optimizer": moments,
            }
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
            snapshot = snapshots.read(found, {"weights": shapes, "ema": shapes, "optimizer": moments})
            facts = dict(snapshot.facts)
            self.standing = _Standing(**{name: facts[name] for name in _Standing.__dataclass_fields__})  # type: ignore[arg-type]
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(snapshot.tensors["weights"][name])
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


def losses(
    predict: Predict,
    objective: Objective,
    team: Team,
    part: Part,
    noise: Tensor,
    timesteps: Tensor,
    *,
    weighted: bool = True,
) -> Tensor:
    """(rows,): of a part under this noise at these timesteps (rows,), on the team's device."""
    latents, noise = part.latents.to(team.device), noise.to(team.device)
    real, timesteps = part.real.to(team.device), timesteps.to(team.device)
    embedding = {name: value.to(team.device) for name, value in part.embedding.items()}
    noised = objective.noised(latents, noise, timesteps)
    with team.autocast():
        predicted = predict(noised, timesteps, embedding)
    return objective.losses(predicted, latents, noise, timesteps, real, weighted=weighted)


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
