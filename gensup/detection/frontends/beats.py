"""Tokens of any layers of a frozen BEATs (Chen et al., ICML 2023): 160 ms by an eighth of the mel bands each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.embedding import checked_layers, finite, heard, in_range, too_short
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.parts import Arrays, Tokens
from gensup.detection.pretrained import Checkpoint, Precision, arrays_of, description, device, once, single_file
from gensup.errors import GensupError
from gensup.rng import digest

if TYPE_CHECKING:
    from gensup.detection.networks.beats import Beats as Network

KIND = "beats"
RATE = 16_000  # Hz


@dataclass(frozen=True, slots=True)
class Beats:
    """A checkpoint and the layers whose tokens stand side by side, (time, 8, 768 * layers).

    A clip of any length is heard whole, unless ``seconds`` crops its beginning or fills it up with zeros (10 s in
    GenRep). A clip at another rate than 16 kHz is resampled to it.
    """

    checkpoint: str = "BEATs_iter3"
    layers: tuple[int, ...] = (12,)  # 0: what the first layer is given
    seconds: float | None = None
    precision: Precision = "fp32"

    name: ClassVar[str] = "beats"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.5
    trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_layers(self.layers)
        if self.seconds is not None and not 0.2 <= self.seconds <= 600:
            raise GensupError("out of range", where="frontend.seconds", value=self.seconds, rule="0.2 to 600, or null")

    def ready(self, normals: Examples, means: Means, seed: int) -> FittedBeats:
        return self.untrained(means)

    def untrained(self, means: Means) -> FittedBeats:
        remedy = (
            f"fetch {self.checkpoint}.pt as github.com/microsoft/unilm/tree/master/beats says, then "
            f"gensup convert --trust {self.checkpoint}.pt --out {means.weights or 'FOLDER'}, and pass --weights"
        )
        checkpoint = single_file(means, self.checkpoint, KIND, remedy)
        cfg = description(checkpoint.path).get("cfg")
        count = cfg.get("encoder_layers") if isinstance(cfg, dict) else None
        in_range(self.layers, count if isinstance(count, int) else 12, f"frontend.layers of {self.checkpoint}")
        return FittedBeats(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> FittedBeats:
        fitted = self.untrained(means)
        fitted.checkpoint.checked_against(file)
        return fitted


@dataclass(frozen=True, slots=True)
class FittedBeats:
    """Settings and the place of the weights, which each process loads once."""

    settings: Beats
    checkpoint: Checkpoint
    device: str | None = None

    name: ClassVar[str] = Beats.name
    version: ClassVar[int] = Beats.version
    per_clip_seconds: ClassVar[float] = Beats.per_clip_seconds

    @property
    def fingerprint(self) -> str:
        said = self.settings
        return digest(self.checkpoint.sha256, list(said.layers), said.seconds, said.precision)

    @property
    def n_parameters(self) -> int:
        return self.checkpoint.n_parameters

    def state(self) -> Arrays:
        return self.checkpoint.state()

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        (only,) = self.tokens_many([audio], rate)
        return only

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        """Tokens of several clips in one pass of the network; those of another length than the others in one of their
        own."""
        import torch

        from gensup.detection.networks import beats

        network = load(self.checkpoint, self.device, self.settings.precision)
        weight = network.patch_embedding.weight
        sounds = [self._cut(heard(clip, rate, RATE)) for clip in clips]
        patch = network.config.input_patch_size
        for sound in sounds:
            if beats.frames(len(sound)) < patch:
                raise too_short(len(sound), RATE, f"{patch} frames of 10 ms")
        start = 0
        while start < len(sounds):
            end = next((i for i in range(start, len(sounds)) if len(sounds[i]) != len(sounds[start])), len(sounds))
            with torch.inference_mode():
                bank = torch.stack([beats.fbank(torch.from_numpy(sound)) for sound in sounds[start:end]])
                found = network(bank.to(weight.device, weight.dtype), self.settings.layers)
                x = torch.cat(found, dim=-1).float().cpu().numpy()
            for one in x:
                yield finite(one.reshape(-1, network.mel_patches, one.shape[-1]), self.checkpoint.name)
            start = end

    def _cut(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.settings.seconds is None:
            return sound
        wanted = round(self.settings.seconds * RATE)
        return np.pad(sound[:wanted], (0, max(0, wanted - len(sound))))


def load(checkpoint: Checkpoint, where: str | None, precision: Precision) -> Network:
    """The frozen network of a checkpoint, once a process.

    Raises:
        GensupError: altered weights, or those of another architecture.
    """
    import torch

    from gensup.detection.networks.beats import from_checkpoint

    place = device(where)

    def make() -> Network:
        network = from_checkpoint(arrays_of(checkpoint), description(checkpoint.path), str(checkpoint.path))
        return network.to(place, torch.bfloat16 if precision == "bf16" else torch.float32).freeze()

    network: Network = once(checkpoint, str(place), precision, make)
    return network
