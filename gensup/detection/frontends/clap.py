"""Patches of the last layer of a frozen CLAP audio tower (Wu et al., ICASSP 2023): 312 ms by two bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.embedding import too_short
from gensup.detection.pretrained import Precision
from gensup.detection.transformer_frontend import Kind, Loaded, OfTransformers


@dataclass(frozen=True, slots=True)
class Clap(OfTransformers):
    """A folder of weights; tokens (time, 2, 768), before they are averaged and projected.

    Only the last layer: the hierarchical transformer has another grid in every stage. A clip longer than the folder's
    window (10 s) is heard in windows, end to end, and tokens that stand for repeated sound are left out. A clip
    at another rate than the folder's (48 kHz) is resampled to it.
    """

    checkpoint: str = "clap-htsat-unfused"
    precision: Precision = "fp32"

    name: ClassVar[str] = "clap"
    kind: ClassVar[Kind] = Kind("clap", "ClapModel", "ClapFeatureExtractor", "laion/clap-htsat-unfused")

    def tokens_of(self, loaded: Loaded, sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        import torch

        tower = loaded._replace(model=loaded.model.audio_model)
        most, least, length = loaded.extractor.nb_max_samples, loaded.extractor.fft_window_size, len(sounds[0])
        # No window is longer than the tower's; its extractor would draw one at random to call so.
        longer = torch.zeros(len(sounds), 1, dtype=torch.bool)
        found = []
        for start in range(0, length, most):
            windows = [sound[start : start + most] for sound in sounds]
            if len(windows[0]) < least:
                break
            given = {"input_features": loaded.features(windows)["input_features"], "is_longer": longer}
            grid = tower.output(given).last_hidden_state.permute(0, 3, 2, 1)  # (clips, time, freq, dim)
            found.append(grid[:, : ceil(grid.shape[1] * len(windows[0]) / most)].float().cpu().numpy())
        if not found:
            raise too_short(length, loaded.rate, f"a frame is {least} samples at {loaded.rate} Hz")
        return list(np.concatenate(found, axis=1))
