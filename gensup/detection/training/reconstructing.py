"""An autoencoder learns what frames of normal clips are like; how far it is off is a score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gensup.detection.examples import Examples
from gensup.detection.learnt import Weights
from gensup.detection.means import Means
from gensup.detection.networks.autoencoder import AutoEncoder
from gensup.detection.parts import Arrays
from gensup.detection.residuals import inverses
from gensup.detection.training.keeping import trained, weights
from gensup.detection.training.rounds import Rounds
from gensup.errors import GensupError
from gensup.training.loop import Losses
from gensup.training.team import Team

if TYPE_CHECKING:
    from gensup.detection.frontends.autoencoder import AutoEncoding

BESIDE = ("steps", "epochs", "residual")
AT_ONCE = 8192  # vectors


def reconstructed(frontend: AutoEncoding, normals: Examples, means: Means, seed: int) -> Weights:
    """Train an autoencoder on normal clips, or find it trained.

    Raises:
        GensupError: a clip that cannot be read or is too short, or a training that came apart.
    """

    def make(folder: Path) -> Arrays:
        return _learnt(frontend, normals, folder, means.device, seed)

    return weights(frontend, normals, (), means, seed, make, BESIDE)


def _learnt(frontend: AutoEncoding, clips: Examples, folder: Path, device: str | None, seed: int) -> Arrays:
    vectors = Vectors(folder / "frames.f32", frontend, clips)
    try:
        rounds = Rounds(len(vectors), frontend.batch, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = AutoEncoder(vectors.dim, frontend.width, frontend.bottleneck)

        def losses(team: Team) -> Losses:
            def each(step: int, rows: Sequence[int]) -> Tensor:
                x = torch.from_numpy(vectors[rounds.draw(step, rows)]).to(team.device)
                with team.autocast():
                    found: Tensor = (network(x) - x).square().mean(dim=1)
                return found

            return each

        course = frontend.course(frontend.steps or rounds.steps(frontend.epochs))
        tensors = trained(folder, network, losses, course, device)
        arrays: Arrays = {name: value.numpy() for name, value in tensors.items()}
        if frontend.residual != "mse":
            network.load_state_dict(tensors)
            arrays |= _directions(frontend, network.cpu().eval(), vectors, clips.target_domain)
        return arrays | {"rate": np.array(vectors.rate)}
    finally:
        vectors.close()


def _directions(
    frontend: AutoEncoding, network: AutoEncoder, vectors: Vectors, target_domain: NDArray[np.bool_] | None
) -> Arrays:
    """What Mahalanobis distances need, of each domain."""
    of = np.zeros(len(vectors), dtype=bool) if target_domain is None else target_domain[vectors.clip]
    residuals = np.empty((len(vectors), vectors.dim), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(vectors), AT_ONCE):
            x = vectors[np.arange(start, min(start + AT_ONCE, len(vectors)))]
            residuals[start : start + len(x)] = x - network(torch.from_numpy(x)).numpy()
    source, target = inverses(residuals, of, frontend.residual, frontend.n_mels, frontend.batch)
    return {"source": source, "target": target}


class Vectors:
    """All vectors of consecutive frames of all clips, on disk by frame: a vector's frames lie side by side."""

    def __init__(self, file: Path, frontend: AutoEncoding, clips: Examples) -> None:
        self.file, self.frames = file, frontend.frames
        rates = {ref.rate for ref in clips.audio}
        if len(rates) != 1:
            raise GensupError("clips of several sampling rates", value=sorted(rates), remedy="resample the clips")
        (self.rate,) = rates
        file.parent.mkdir(parents=True, exist_ok=True)
        begins, owners, count, bands = [], [], 0, 0
        with file.open("wb") as out:
            for number, ref in enumerate(clips.audio):
                try:
                    mel = frontend.spectrogram(ref.read()[0], self.rate)
                except GensupError as error:
                    where = error.where or str(ref.path)
                    raise GensupError(
                        error.what, where=where, value=error.value, rule=error.rule, remedy=error.remedy
                    ) from None
                mel.tofile(out)
                begins.append(count + np.arange(len(mel) - self.frames + 1))
                owners.append(np.full(len(mel) - self.frames + 1, number))
                count, bands = count + len(mel), mel.shape[1]
        self.begin: NDArray[np.intp] = np.concatenate(begins)
        self.clip: NDArray[np.intp] = np.concatenate(owners)  # of each vector
        self.dim = bands * self.frames
        self._frames: np.memmap[Any, np.dtype[np.float32]] | None
        self._frames = np.memmap(file, np.float32, "r", shape=(count, bands))

    def __len__(self) -> int:
        return len(self.begin)

    def __getitem__(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        assert self._frames is not None
        rows = self.begin[places][:, None] + np.arange(self.frames)
        return np.asarray(self._frames[rows]).reshape(len(places), self.dim)

    def close(self) -> None:
        self._frames = None
        self.file.unlink(missing_ok=True)
