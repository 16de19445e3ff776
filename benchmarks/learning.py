"""Clips of two conditions, a checkpoint of random weights whose VAE hears them, and its UNet trained on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gensup.captions.render import caption
from gensup.synthesis.diffusion.checkpoint import Checkpoint, open_checkpoint
from gensup.synthesis.diffusion.front_end import log_mel, peak_gain
from gensup.synthesis.diffusion.grid import Grid
from gensup.synthesis.diffusion.loop import Condition, denoise
from gensup.synthesis.diffusion.schedules import Schedule
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.examples import TrainingClip
from gensup.synthesis.finetuning.holdout import HeldOut
from gensup.synthesis.finetuning.objective import Objective
from gensup.synthesis.finetuning.session import Session, opened
from gensup.synthesis.finetuning.validation import HeldOutLoss, condition_auc
from gensup.training.loop import Trainer
from gensup.training.team import Team

SECONDS = 0.3
SCHEDULE = Schedule("ddim", 10)
APART = 2.6  # rms of how two captions differ to the UNet, which is of random weights


@torch.no_grad()
def sharpen(model: Path, clips: Sequence[TrainingClip], grid: Grid) -> None:
    """Do to a random VAE what training does: latents of unit variance over these clips, and narrow posteriors.

    As it is saved, its posterior is as wide as unit noise: whatever it is given, a UNet hears noise.
    """
    import diffusers

    library: Any = diffusers
    vae = library.AutoencoderKL.from_pretrained(model / "vae").eval()
    samples = grid.samples(SECONDS)
    audio = torch.from_numpy(np.concatenate([clip.ref.read()[:, :samples] for clip in clips]))
    means = vae.encode(log_mel(peak_gain(audio)[0], grid)).latent_dist.mean
    spread, middle = means.std(dim=(0, 2, 3)), means.mean(dim=(0, 2, 3))
    into, back = vae.quant_conv, vae.post_quant_conv
    channels = len(spread)
    into.weight[:channels] /= spread[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - middle) / spread
    into.weight[channels:] = 0
    into.bias[channels:] = -6
    back.bias += back.weight[:, :, 0, 0] @ middle
    back.weight *= spread[None, :, None, None]
    vae.save_pretrained(model / "vae")


@torch.no_grad()
def listen_to_captions(model: Path, texts: Tensor) -> None:
    """Do to a random UNet what pretraining does: captions that differ in a word, of which ``texts`` (2, width) are the
    embeddings, are heard apart.

    It says velocities from then on: of noise alone, a few hundred steps make no clip, since at the first timesteps
    an error in the noise is an error fifty times as large in the sample.
    """
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    heard = weights["class_embedding.weight"]
    heard *= APART / (heard @ (texts[1] - texts[0])).square().mean().sqrt()
    weights["class_embedding.bias"] -= heard @ texts.mean(dim=0)
    save_file(weights, path)
    config = model / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "v_prediction"}))


@dataclass(slots=True)
class Learning:
    """A session on clips of one machine, the normal ones first, before or after its training."""

    session: Session
    trainer: Trainer
    checkpoint: Checkpoint
    out: Path
    captions: tuple[str, str]  # normal, anomaly

    @classmethod
    def under(cls, folder: Path, model: Path, clips: Sequence[TrainingClip], course: Course) -> Learning:
        """Of a checkpoint of random weights, which is changed; only AudioLDM's comes to hear captions apart."""
        normal, anomaly = (caption(clips[0].clip, condition=condition) for condition in ("normal", "anomaly"))
        checkpoint = open_checkpoint(str(model))
        team = Team("float32", "cpu")
        sharpen(model, clips, opened(checkpoint, team).grid)
        if checkpoint.family == "audioldm":
            found = opened(checkpoint, team).encode_text([normal, anomaly])
            listen_to_captions(model, torch.cat([embedding["text"] for embedding in found]))
        checkpoint = open_checkpoint(str(model))
        held = HeldOut(tuple(range(len(clips))))
        session = Session(clips, held, checkpoint, opened(checkpoint, team), course, team, folder / "latents")
        assert len(list(session.fill())) == len(clips)
        return cls(session, session.trainer(folder / "out"), checkpoint, folder / "out", (normal, anomaly))

    @property
    def latents(self) -> Tensor:
        """(clips, channels, height, width) scaled, the normal ones first."""
        found = [self.session.latents.get(index).mean for index in range(len(self.session.clips))]
        latents: Tensor = torch.stack(found) * self.session.family.grid.scaling
        return latents

    def embeddings(self) -> Mapping[str, Any]:
        texts = ["", *self.captions]
        return dict(zip(texts, self.session.family.encode_text(texts), strict=True))

    def loss(self) -> float:
        """At fixed timesteps under fixed noise, over all clips."""
        session = self.session
        captions = [caption(clip.clip, condition=clip.condition) for clip in session.clips]
        embeddings = dict(zip(captions, session.family.encode_text(captions), strict=True))
        objective = Objective(session.family.scheduler_config)
        judge = HeldOutLoss(
            {"all": range(len(captions))},
            captions,
            session.latents,
            session.family,
            embeddings,
            objective,
            session.team,
        )
        return judge()["all"]

    def generated(self, weight: float, guidance: float = 1.0, rows: int = 8) -> Tensor:
        """Latents of so many seeds."""
        texts, family = self.embeddings(), self.session.family
        condition = Condition(texts[""], *(texts[caption] for caption in self.captions))
        made = denoise(
            family, family.grid.latent(SECONDS), list(range(rows)), [condition] * rows, SCHEDULE,
            guidance=guidance, weights=[weight] * rows, rows=rows,
        )  # fmt: skip
        assert all(made.finite)
        return made.latents

    def auc(self) -> float | None:
        return condition_auc(
            self.session.family, [self.captions], self.embeddings(),
            seconds=SECONDS, count=20, schedule=SCHEDULE, rows=20,
        )  # fmt: skip


def distance(made: Tensor, clips: Tensor) -> float:
    """Mean over what was made of the root mean square distance to the nearest clip."""
    return float((made[:, None] - clips[None]).flatten(2).square().mean(2).sqrt().min(1).values.mean())
