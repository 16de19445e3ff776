"""Patches of the last layer of a frozen CLAP audio tower (Wu et al., ICASSP 2023): 312 ms by two bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.embedding import Embedding, heard, too_short
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.pretrained import Checkpoint, Precision
from gensup.detection.transformer_frontend import find, load


@dataclass(frozen=True, slots=True)
class Clap:
    """A folder of weights; tokens (time, 2, 768), before they are averaged and projected.

    Only the last layer: the hierarchical transformer has another grid in every stage. A clip longer than the folder's
    window (10 s) is heard in windows, end to end, and tokens that stand for repeated sound are left out. A clip
    at another rate than the folder's (48 kHz) is resampled to it.
    """

    checkpoint: str = "clap-htsat-unfused"
    precision: Precision = "fp32"

    name: ClassVar[str] = "clap"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = Embedding.per_clip_seconds
    trained: ClassVar[bool] = False

    def ready(self, normals: Examples, means: Means, seed: int) -> Embedding:
        return self.untrained(means)

    def untrained(self, means: Means) -> Embedding:
        checkpoint, _ = find(means, self.checkpoint, "clap", "laion/clap-htsat-unfused")
        return Embedding(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> Embedding:
        return self.untrained(means).restored(file)

    def embed(
        self, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> Iterator[NDArray[np.float32]]:
        import torch

        loaded = load(checkpoint, "ClapModel", "ClapFeatureExtractor", device, self.precision)
        tower = loaded._replace(model=loaded.model.audio_model)
        wanted, most = loaded.extractor.sampling_rate, loaded.extractor.nb_max_samples
        least = loaded.extractor.fft_window_size
        for clip in clips:
            sound = heard(clip, rate, wanted)
            found = []
            for start in range(0, len(sound), most):
                window = sound[start : start + most]
                if len(window) < least:
                    break
                features = loaded.extractor(window, sampling_rate=wanted, return_tensors="pt")
                # No window is longer than the tower's; its extractor would draw one at random to call so.
                given = {"input_features": features["input_features"], "is_longer": torch.zeros(1, 1, dtype=torch.bool)}
                grid = tower.output(given).last_hidden_state[0].permute(2, 1, 0)  # (time, freq, dim)
                found.append(grid[: ceil(len(grid) * len(window) / most)].float().cpu().numpy())
            if not found:
                raise too_short(len(sound), wanted, f"a frame is {least} samples at {wanted} Hz")
            yield np.concatenate(found)
