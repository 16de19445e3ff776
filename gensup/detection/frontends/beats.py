"""Tokens of any layers of a frozen BEATs (Chen et al., ICML 2023): 160 ms by an eighth of the mel bands each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.devices import device
from gensup.detection.embedding import Embedding, check_depth, check_layers, heard, too_short
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.pretrained import Checkpoint, Precision, arrays_of, beats_file, description, once
from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.detection.networks.beats import Beats as Network

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
    per_clip_seconds: ClassVar[float] = Embedding.per_clip_seconds
    trained: ClassVar[bool] = False
    together: ClassVar[int] = 16

    def __post_init__(self) -> None:
        check_layers(self.layers)
        if self.seconds is not None and not 0.2 <= self.seconds <= 600:
            raise GensupError("out of range", where="frontend.seconds", value=self.seconds, rule="0.2 to 600, or null")

    def ready(self, normals: Examples, means: Means, seed: int) -> Embedding:
        return self.untrained(means)

    def untrained(self, means: Means) -> Embedding:
        checkpoint = beats_file(means, self.checkpoint)
        cfg = description(checkpoint.path).get("cfg")
        check_depth(self.layers, cfg.get("encoder_layers") if isinstance(cfg, dict) else None, checkpoint)
        return Embedding(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> Embedding:
        return self.untrained(means).restored(file)

    def embed(
        self, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> list[NDArray[np.float32]]:
        """No layer behind the last one asked for is computed."""
        import torch

        from gensup.detection.networks import beats

        network = load(checkpoint, device, self.precision)
        weight, patch = network.patch_embedding.weight, network.config.input_patch_size
        sounds = [self._cut(heard(clip, rate, RATE)) for clip in clips]
        if beats.frames(len(sounds[0])) < patch:
            raise too_short(len(sounds[0]), RATE, f"a patch is {patch} frames of 25 ms, 10 ms apart")
        with torch.inference_mode():
            bank = beats.fbanks(torch.from_numpy(np.stack(sounds)).to(weight.device))
            x = torch.cat(network(bank.to(weight.dtype), self.layers), dim=-1)
            found = x.float().cpu().numpy()
            return list(found.reshape(len(found), -1, network.mel_patches, found.shape[-1]))

    def _cut(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.seconds is None:
            return sound
        wanted = round(self.seconds * RATE)
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
        return network.float().freeze().to(place, torch.bfloat16 if precision == "bf16" else torch.float32)

    network: Network = once(checkpoint, str(place), precision, make)
    return network
