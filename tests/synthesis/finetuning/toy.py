"""A model of two numbers and a training that takes milliseconds: the loop alone, without a checkpoint."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gensup.rng import seed
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.noising import Noising, Part
from gensup.synthesis.finetuning.objective import Objective
from gensup.training.loop import Trainer
from gensup.training.team import Team

CONFIG = {"num_train_timesteps": 100, "beta_start": 0.001, "beta_end": 0.02, "prediction_type": "epsilon"}
COURSE = Course(
    steps=12, batch=4, rate=0.05, warmup=3, decay=0.9, validate_every=3, checkpoint_every=4, min_snr=5.0, seed=1
)
SHAPE = (2, 4, 4)


class Toy(nn.Module):
    """Says what it hears, mixed by a matrix and shifted by the caption's number."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Linear(2, 2)
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, latents: Tensor, timesteps: Tensor, embedding: Mapping[str, Tensor]) -> Tensor:
        mixed: Tensor = self.mix(latents.movedim(1, -1)).movedim(-1, 1)
        return mixed + self.shift * embedding["text"].reshape(-1, 1, 1, 1)


class Numbers:
    """Rows that go by their numbers; those of the steps in ``bad`` are not finite."""

    def __init__(self, bad: Sequence[int] = ()) -> None:
        self.bad = bad

    def part(self, step: int, rows: Sequence[int]) -> Part:
        drawn = [torch.Generator().manual_seed(seed("toy", step, row)) for row in rows]
        latents = torch.stack([torch.randn(SHAPE, generator=draw) for draw in drawn])
        if step in self.bad:
            latents[0] = torch.nan
        text = torch.tensor([[float(row)] for row in rows])
        return Part(latents, torch.ones(len(rows), SHAPE[1], dtype=torch.bool), {"text": text})


def trainer(folder: Path, course: Course = COURSE, bad: Sequence[int] = (), losses: Sequence[float] = ()) -> Trainer:
    """With ``losses`` said by the validations in turn; without, by how far the shift is from a half."""
    toy = Toy()
    told = iter(losses)

    def judge() -> dict[str, float]:
        return {"toy": next(told) if losses else abs(toy.shift.item() - 0.5)}

    parameters = dict(toy.named_parameters())
    team = Team("float32", "cpu")
    losses_ = Noising(toy, Numbers(bad), Objective(CONFIG, course.min_snr), team, course.seed)
    return Trainer(folder, parameters, losses_, course, team, judge)


def train_and_die(folder: Path, last: int) -> None:
    """Train, and be killed in the middle of the step after ``last``; for a process of its own."""
    torch.set_num_threads(1)
    for done in trainer(folder).run():
        if done.number == last:
            os.kill(os.getpid(), signal.SIGKILL)
