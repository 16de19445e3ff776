"""A network learns to tell the classes of normal clips apart; what it hears then serves to tell what is not normal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gensup.detection.examples import Examples
from gensup.detection.learnt import Weights
from gensup.detection.means import Means
from gensup.detection.parts import Arrays
from gensup.detection.pseudo import refined
from gensup.detection.training.keeping import trained, weights
from gensup.detection.training.rounds import Rounds
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.rng import seed as seed_of
from gensup.training.course import Course
from gensup.training.loop import Losses
from gensup.training.team import Team

NETWORK = "network."
BESIDE = ("steps", "epochs")


class Learner(nn.Module):
    """A network with what teaches it; ``network`` alone is kept, its frozen parameters apart."""

    network: nn.Module

    def loss(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        """(), the mean over a batch (B, samples) of targets (B, classes); all chance comes from ``rng``."""
        raise NotImplementedError


class Classifier(Protocol):
    """The settings of a frontend that is trained by classes: a frozen dataclass."""

    @property
    def pseudo(self) -> str: ...

    @property
    def pseudo_groups(self) -> int: ...

    @property
    def epochs(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def batch(self) -> int: ...

    def course(self, steps: int) -> Course:
        """How so many steps go."""
        ...

    def laid(
        self, samples: NDArray[np.float32], rate: int, rng: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """(n,) as the network takes it, of one length for all clips; ``rng`` while it is trained."""
        ...

    def learner(self, rate: int, classes: int, generator: torch.Generator) -> Learner: ...


def classified(frontend: Any, normals: Examples, means: Means, seed: int) -> Weights:
    """Train ``frontend`` (a ``Classifier``) on normal clips and those of other machines, or find it trained.

    Raises:
        GensupError: clips of one class alone, a clip that cannot be read, or a training that came apart.
    """
    clips = normals if means.others is None else normals.followed_by(means.others)
    labels = classes_of(clips, frontend.pseudo, frontend.pseudo_groups, seed)
    rates = Counter(ref.rate for ref in clips.audio)
    if len(rates) > 1:
        raise GensupError(
            "clips of several sampling rates",
            value=sorted(rates),
            rule="a network is trained at one",
            remedy="resample the clips, or leave the other machines out",
        )
    (rate,) = rates

    def make(folder: Path) -> Arrays:
        return _learnt(frontend, clips, labels, rate, folder, means.device, seed)

    return weights(frontend, clips, labels, means, seed, make, BESIDE)


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
    rate: int,
    folder: Path,
    device: str | None,
    seed: int,
) -> Arrays:
    names = sorted(set(labels))
    numbers = torch.tensor([names.index(label) for label in labels])
    rounds = Rounds(len(clips), frontend.batch, seed)
    course = frontend.course(frontend.steps or rounds.steps(frontend.epochs))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = frontend.learner(rate, len(names), torch.Generator().manual_seed(seed))
    waveforms = Waveforms(folder / "waveforms.f32", frontend, clips, rate, seed)

    def losses(team: Team) -> Losses:
        def loss(step: int, rows: Sequence[int]) -> Tensor:
            drawn = rounds.draw(step, rows)
            heard = torch.from_numpy(waveforms[drawn]).to(team.device)
            targets = nn.functional.one_hot(numbers[drawn], len(names)).float().to(team.device)
            rng = generator("augmentation", seed, step, rows[0])
            devices = [team.device] if team.device.type == "cuda" else []
            with torch.random.fork_rng(devices=devices), team.autocast():
                torch.manual_seed(seed_of("dropout", seed, step, rows[0]))
                return learner.loss(heard, targets, rng)

        return loss

    try:
        tensors = trained(folder, learner, losses, course, device)
    finally:
        waveforms.close()
    arrays: Arrays = {
        name.removeprefix(NETWORK): np.asarray(value.numpy())
        for name, value in tensors.items()
        if name.startswith(NETWORK)
    }
    return arrays | {"rate": np.array(rate)}


class Waveforms:
    """All clips as the network takes them, on disk: what is read again soon stays in the system's memory."""

    def __init__(self, file: Path, frontend: Classifier, clips: Examples, rate: int, seed: int) -> None:
        self.file, self.frontend, self.clips, self.rate, self.seed = file, frontend, clips, rate, seed
        self._rows: np.memmap[Any, np.dtype[np.float32]] | None = None

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        if self._rows is None:
            self._rows = self._read()
        return np.asarray(self._rows[rows])

    def close(self) -> None:
        self._rows = None
        self.file.unlink(missing_ok=True)

    def _read(self) -> np.memmap[Any, np.dtype[np.float32]]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        found: np.memmap[Any, np.dtype[np.float32]] | None = None
        for place, ref in enumerate(self.clips.audio):
            rng = generator("laid", self.seed, self.clips.key[place])
            row = self.frontend.laid(ref.read()[0], self.rate, rng)
            if found is None:
                found = np.memmap(self.file, np.float32, "w+", shape=(len(self.clips), len(row)))
            found[place] = row
        assert found is not None
        return found
