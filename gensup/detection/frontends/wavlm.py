"""Frames of any layers of a frozen WavLM (Chen et al., JSTSP 2022): 768 numbers every 20 ms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.embedding import Embedding, check_depth, check_layers
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.pretrained import Checkpoint, Precision
from gensup.detection.transformer_frontend import find, framewise, load


@dataclass(frozen=True, slots=True)
class WavLM:
    """A folder of weights and the layers whose frames stand side by side, (time, 1, 768 * layers).

    A clip of any length is heard whole; one at another rate than the folder's (16 kHz) is resampled to it.
    """

    checkpoint: str = "wavlm-base-plus"
    layers: tuple[int, ...] = (12,)  # 0: what the first layer is given
    precision: Precision = "fp32"

    name: ClassVar[str] = "wavlm"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = Embedding.per_clip_seconds
    trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_layers(self.layers)

    def ready(self, normals: Examples, means: Means, seed: int) -> Embedding:
        return self.untrained(means)

    def untrained(self, means: Means) -> Embedding:
        checkpoint, config = find(means, self.checkpoint, "wavlm", "microsoft/wavlm-base-plus")
        check_depth(self.layers, config.get("num_hidden_layers", 12), checkpoint)
        return Embedding(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> Embedding:
        return self.untrained(means).restored(file)

    def embed(
        self, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> Iterator[NDArray[np.float32]]:
        loaded = load(checkpoint, "WavLMModel", "Wav2Vec2FeatureExtractor", device, self.precision)
        return framewise(loaded, clips, rate, self.layers)
