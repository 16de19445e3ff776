"""A fine-tuning from clips to an adapter: what is trained on, what is held out, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gensup.captions.render import caption
from gensup.rng import generator
from gensup.synthesis.finetuning.adapter import Trained, check_base, write_adapter
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.examples import TrainingClip
from gensup.synthesis.finetuning.holdout import HeldOut
from gensup.synthesis.finetuning.latents import LatentCache
from gensup.synthesis.finetuning.material import Drawn
from gensup.synthesis.finetuning.mixture import EMPTY, Mixture
from gensup.synthesis.finetuning.noising import Noising
from gensup.synthesis.finetuning.objective import Objective
from gensup.synthesis.finetuning.sampler import Cell, Sampler
from gensup.synthesis.finetuning.validation import PAIRS, HeldOutLoss, condition_auc
from gensup.training.loop import Trainer
from gensup.training.team import Team

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.checkpoint import Checkpoint
    from gensup.synthesis.diffusion.family import Embedding
    from gensup.synthesis.diffusion.schedules import Schedule

STYLE = "paper"  # of captions at validation
SETS = ("groups", "machine")
JUDGED = 64  # clips of a held-out set, at most


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to."""

    step: int  # of the best validation, or the last
    steps: int  # done
    skipped: int  # steps without a finite loss
    held_out: float | None  # the mean loss of held-out clips at that step
    condition_auc: float | None  # of generated clips of the held-out machine
    trained: int  # parameters
    family: str


class Session:
    """Clips, words and a model, ready to be trained. ``fill`` comes first, then ``trainer``, then ``finish``.

    Args:
        clips: all of them, held-out ones included.
        family: of the checkpoint, in float32 on the team's device; its UNet is changed in place.
        cache: a folder that keeps latents; several trainings may share it.

    Raises:
        GensupError: a caption is over a token limit, or the checkpoint is fine-tuned already.
    """

    def __init__(
        self,
        clips: Sequence[TrainingClip],
        held: HeldOut,
        checkpoint: Checkpoint,
        family: Any,
        course: Course,
        team: Team,
        cache: Path,
        overlay: Path | None = None,
    ) -> None:
        check_base(checkpoint)
        self.clips, self.held, self.checkpoint, self.family = tuple(clips), held, checkpoint, family
        self.course, self.team = course.checked(team.size), team
        training = [self.clips[index] for index in held.training]
        self.sampler = Sampler(training, course.seed)
        self.mixture = Mixture(training, course.seed, overlay)
        self.latents = self._latents(cache, training, course.wraps)
        self.sets = {
            name: _some(name, held_out) for name, held_out in zip(SETS, (held.groups, held.machine), strict=True)
        }
        judged = [self.clips[index] for indices in self.sets.values() for index in indices]
        self.judged = self._latents(cache, judged, 1)
        self.pairs = _pairs([self.clips[index] for index in held.machine], overlay)
        self.captions = [caption(clip.clip, condition=clip.condition, style=STYLE, overlay=overlay) for clip in judged]
        wanted = {EMPTY, *self.mixture.all_captions(), *self.captions, *(text for pair in self.pairs for text in pair)}
        texts = sorted(wanted)
        self.embeddings: Mapping[str, Embedding] = dict(zip(texts, family.encode_text(texts), strict=True))
        family.unload_encoders()

    @property
    def left(self) -> int:
        """Clips that this process has still to encode."""
        return sum(len(latents.missing()[self.team.place :: self.team.size]) for latents in (self.judged, self.latents))

    def fill(self) -> Iterator[int]:
        """Encode this process's share of the clips that are not cached yet; how many are left, after each."""
        yield from self.judged.fill(self.team.place, self.team.size)
        yield from self.latents.fill(self.team.place, self.team.size)
        self.team.wait()

    def cells(self, steps: int) -> tuple[Cell, ...]:
        """How often each cell was drawn in the first ``steps``."""
        return self.sampler.cells(range(steps), self.course.batch)

    def trainer(self, folder: Path) -> Trainer:
        """The training, continued where ``folder`` holds a checkpoint of it."""
        objective = Objective(self.family.scheduler_config, self.course.min_snr)
        trained = self.trained = Trained.of(self.family.unet, self.course.rank, self.course.seed)
        places = iter(range(len(self.captions)))
        sets = {name: [next(places) for _ in indices] for name, indices in self.sets.items()}
        judge = HeldOutLoss(sets, self.captions, self.judged, self.family, self.embeddings, objective, self.team)
        drawn = Drawn(self.sampler, self.mixture, self.latents, self.family, self.embeddings, self.course.batch)
        losses = Noising(self.family.denoise, drawn, objective, self.team, self.course.seed)
        return Trainer(folder, trained.parameters, losses, self.course, self.team, judge if self.captions else None)

    def finish(
        self, trainer: Trainer, folder: Path, *, count: int = PAIRS, schedule: Schedule | None = None
    ) -> Outcome:
        """Leave the adapter of the best validation in ``folder``, and ask whether its severities can be heard.

        The first process of the team does both; the others only say what the training came to.

        Args:
            count: of twins that are generated for that; 0: none.
        """
        step, weights = trainer.learnt()
        found = None
        if self.team.first:
            trainer.take(weights)
            write_adapter(folder, self.checkpoint, self.family.unet, weights, self.course.rank, step)
        if self.team.first and self.pairs and count:
            found = condition_auc(
                self.family,
                self.pairs,
                self.embeddings,
                seconds=self.course.seconds,
                count=count,
                schedule=schedule,
                seed_=self.course.seed,
            )
        standing = trainer.standing
        return Outcome(
            step, standing.step, standing.skipped, standing.best, found, self.trained.count, self.family.name
        )

    def _latents(self, cache: Path, clips: Sequence[TrainingClip], wraps: int) -> LatentCache:
        course = self.course
        return LatentCache(
            cache,
            clips,
            self.family,
            self.checkpoint.revision,
            seconds=course.seconds,
            wraps=wraps,
            seed=course.seed,
        )


def _pairs(clips: Sequence[TrainingClip], overlay: Path | None) -> tuple[tuple[str, str], ...]:
    """Distinct captions of the held-out machine's normal clips, each with the same words for an anomaly."""
    found = {
        (
            caption(clip.clip, condition="normal", style=STYLE, overlay=overlay),
            caption(clip.clip, condition="anomaly", style=STYLE, overlay=overlay),
        )
        for clip in clips
        if clip.condition == "normal"
    }
    return tuple(sorted(found))


def _some(name: str, indices: Sequence[int]) -> tuple[int, ...]:
    """At most ``JUDGED`` of them, always the same."""
    chosen = generator("validation", name).permutation(np.asarray(indices, dtype=np.intp))[:JUDGED]
    return tuple(sorted(int(index) for index in chosen))


def opened(checkpoint: Checkpoint, team: Team) -> Any:
    """The checkpoint's family, on the team's device."""
    from gensup.synthesis.diffusion.family import FAMILIES

    return FAMILIES.load(checkpoint.family).open(checkpoint, str(team.device), "float32")
