"""A network learns to tell the classes of normal clips apart; what it hears then serves to tell what is not normal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gensup.clip import Json
from gensup.detection.by_classes import Classifier
from gensup.detection.examples import Examples
from gensup.detection.learnt import Weights
from gensup.detection.means import Means
from gensup.detection.noise import Noise, no_noise
from gensup.detection.parts import Arrays
from gensup.detection.pseudo import refined
from gensup.detection.training.keeping import trained, weights
from gensup.detection.training.rounds import Rounds
from gensup.detection.training.waveforms import Noising, Waveforms, of_clips, of_noise
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.rng import seed as seed_of
from gensup.training.loop import Losses
from gensup.training.team import Team

NETWORK = "network."
BESIDE = ("steps", "epochs")


class Learner(nn.Module, ABC):
    """A network with what teaches it; ``network`` alone is kept, its frozen parameters apart."""

    network: nn.Module

    @abstractmethod
    def loss(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        """(), the mean over a batch (B, samples) of targets (B, classes); all chance comes from ``rng``."""


def classified(frontend: Classifier, normals: Examples, means: Means, seed: int) -> Weights:
    """Train ``frontend`` on normal clips and those of other machines, or find it trained.

    Raises:
        GensupError: clips of one class alone, no noise where some is to be added, a clip that cannot be read, or a
            training that came apart.
    """
    clips = normals if means.others is None else normals.followed_by(means.others)
    labels = classes_of(clips, frontend.pseudo, frontend.pseudo_groups, seed)
    noise: Noise | None = None
    if frontend.noise:
        noise = None if means.noise is None else means.noise.heard_with(clips.key)
        if not noise:
            raise no_noise(frontend.noise)
    rates = Counter(ref.rate for ref in (*clips.audio, *(noise.audio if noise else ())))
    if len(rates) > 1:
        raise GensupError(
            "clips of several sampling rates",
            value=sorted(rates),
            rule="a network is trained at one",
            remedy="resample the clips, or leave the other machines out",
        )
    (rate,) = rates
    plain = _plain(clips, labels)

    def make(folder: Path) -> Arrays:
        return _learnt(frontend, clips, labels, plain, noise, rate, folder, means.device, seed)

    beyond: dict[str, Json] = {} if noise is None else {"noise": list(noise.key)}
    if frontend.centres_of == "plain":
        beyond["plain"] = list(plain)
    return weights(frontend, clips, labels, means, seed, make, BESIDE, frontend.idle, beyond)


def _plain(clips: Examples, labels: Sequence[str]) -> tuple[bool, ...]:
    """Of each class, in order of names: whether its clips' names say no operating condition."""
    said = np.zeros(len(clips), dtype=bool) if clips.plain is None else clips.plain
    without = {label for label, plain in zip(labels, said, strict=True) if plain}
    return tuple(label in without for label in sorted(set(labels)))


def classes_of(clips: Examples, pseudo: str, groups: int, seed: int) -> tuple[str, ...]:
    """The class of each clip: its label, divided by pseudo-attributes of a kind (or "none") where it is plain.

    Raises:
        GensupError: there is one class only.
    """
    labels = clips.label or ("",) * len(clips)
    if pseudo != "none":
        labels = refined(clips, pseudo, groups, seed)
    if len(set(labels)) < 2:
        raise GensupError(
            "one class only",
            where=repr(labels[0]) if labels and labels[0] else "the normal clips",
            value=f"{len(clips)} clips",
            rule="this frontend learns to tell classes of normal clips apart: operating conditions, machines",
            remedy="name other machines (--machines all), set frontend.pseudo to spectra or envelope, or choose a "
            "detector that is not trained by classes",
        )
    return labels


def _learnt(
    frontend: Classifier,
    clips: Examples,
    labels: Sequence[str],
    plain: tuple[bool, ...],
    noise: Noise | None,
    rate: int,
    folder: Path,
    device: str | None,
    seed: int,
) -> Arrays:
    names = sorted(set(labels))
    numbers = torch.tensor([names.index(label) for label in labels])
    rounds = Rounds(len(clips), frontend.batch, seed)
    course = frontend.course(frontend.steps or rounds.steps(frontend.epochs))
    blocks = 2 if noise and frontend.noise_classes else 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = frontend.learner(rate, blocks * len(names), torch.Generator().manual_seed(seed), plain)
    with ExitStack() as held:
        waveforms = held.enter_context(
            closing(Waveforms(folder / "waveforms.f32", lambda: of_clips(frontend, clips, rate, seed)))
        )
        noising: Noising | None = None
        if noise:
            noises = Waveforms(folder / "noise.f32", lambda: of_noise(frontend, noise, rate, seed))
            noising = Noising(frontend.noise_mix(), held.enter_context(closing(noises)), frontend.noise_classes)

        def losses(team: Team) -> Losses:
            def loss(step: int, rows: Sequence[int]) -> Tensor:
                drawn = rounds.draw(step, rows)
                heard = torch.from_numpy(waveforms[drawn]).to(team.device)
                targets = nn.functional.one_hot(numbers[drawn], len(names)).float().to(team.device)
                rng = generator("augmentation", seed, step, rows[0])
                if noising is not None:
                    heard, targets = noising(heard, targets, rng)
                devices = [team.device] if team.device.type == "cuda" else []
                with torch.random.fork_rng(devices=devices), team.autocast():
                    torch.manual_seed(seed_of("dropout", seed, step, rows[0]))
                    return learner.loss(heard, targets, rng)

            return loss

        tensors = trained(folder, learner, losses, course, device)
    arrays: Arrays = {
        name.removeprefix(NETWORK): np.asarray(value.numpy())
        for name, value in tensors.items()
        if name.startswith(NETWORK)
    }
    return arrays | {"rate": np.array(rate)}
