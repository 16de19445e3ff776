"""Patches of any layers of a frozen AST (Gong et al., Interspeech 2021): 100 ms by 12 places in frequency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.detection.embedding import too_short
from gensup.detection.transformer_frontend import Kind, Layered, Loaded, states

WIDTH_S, SHIFT_S = 0.025, 0.010  # of a frame


@dataclass(frozen=True, slots=True)
class Ast(Layered):
    """A folder of weights and the layers whose patches stand side by side, (time, 12, 768 * layers).

    Positions are learnt for one length (10.24 s): a longer clip is heard in windows of it, end to end, and what
    fills up the last one gives no tokens. A clip at another rate than the folder's (16 kHz) is resampled to it.
    """

    checkpoint: str = "ast-finetuned-audioset-10-10-0.4593"

    name: ClassVar[str] = "ast"
    kind: ClassVar[Kind] = Kind(
        "audio-spectrogram-transformer", "ASTModel", "ASTFeatureExtractor", "MIT/ast-finetuned-audioset-10-10-0.4593"
    )

    def tokens_of(self, loaded: Loaded, sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        config, length = loaded.model.config, len(sounds[0])
        width, shift = round(WIDTH_S * loaded.rate), round(SHIFT_S * loaded.rate)
        patch, stride, most = config.patch_size, config.time_stride, config.max_length
        bands = (config.num_mel_bins - patch) // config.frequency_stride + 1
        found = []
        for start in range(0, length, most * shift):
            windows = [sound[start : start + (most - 1) * shift + width] for sound in sounds]
            frames = 1 + (len(windows[0]) - width) // shift
            if len(windows[0]) < width or frames < patch:
                break
            x = states(loaded.output({"input_values": loaded.features(windows)["input_values"]}), self.layers)
            # Before the patches stand two tokens without a place; patches run along time, band by band.
            grid = x[:, 2:].unflatten(1, (bands, -1)).transpose(1, 2)
            found.append(grid[:, : (frames - patch) // stride + 1].float().cpu().numpy())
        if not found:
            raise too_short(length, loaded.rate, f"a patch is {patch} frames of 25 ms, 10 ms apart")
        return list(np.concatenate(found, axis=1))
