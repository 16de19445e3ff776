"""Patches of any layers of a frozen AST (Gong et al., Interspeech 2021): 100 ms by 12 places in frequency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.embedding import Embedding, check_depth, check_layers, heard, too_short
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.pretrained import Checkpoint, Precision
from gensup.detection.transformer_frontend import find, load, states

WIDTH_S, SHIFT_S = 0.025, 0.010  # of a frame


@dataclass(frozen=True, slots=True)
class Ast:
    """A folder of weights and the layers whose patches stand side by side, (time, 12, 768 * layers).

    Positions are learnt for one length (10.24 s): a longer clip is heard in windows of it, end to end, and what
    fills up the last one gives no tokens. A clip at another rate than the folder's (16 kHz) is resampled to it.
    """

    checkpoint: str = "ast-finetuned-audioset-10-10-0.4593"
    layers: tuple[int, ...] = (12,)  # 0: what the first layer is given
    precision: Precision = "fp32"

    name: ClassVar[str] = "ast"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = Embedding.per_clip_seconds
    trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_layers(self.layers)

    def ready(self, normals: Examples, means: Means, seed: int) -> Embedding:
        return self.untrained(means)

    def untrained(self, means: Means) -> Embedding:
        checkpoint, config = find(
            means, self.checkpoint, "audio-spectrogram-transformer", "MIT/ast-finetuned-audioset-10-10-0.4593"
        )
        check_depth(self.layers, config.get("num_hidden_layers", 12), checkpoint)
        return Embedding(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> Embedding:
        return self.untrained(means).restored(file)

    def embed(
        self, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> Iterator[NDArray[np.float32]]:
        loaded = load(checkpoint, "ASTModel", "ASTFeatureExtractor", device, self.precision)
        config, wanted = loaded.model.config, loaded.extractor.sampling_rate
        width, shift = round(WIDTH_S * wanted), round(SHIFT_S * wanted)
        patch, stride, most = config.patch_size, config.time_stride, config.max_length
        bands = (config.num_mel_bins - patch) // config.frequency_stride + 1
        for clip in clips:
            sound = heard(clip, rate, wanted)
            found = []
            for start in range(0, len(sound), most * shift):
                window = sound[start : start + (most - 1) * shift + width]
                frames = 1 + (len(window) - width) // shift
                if len(window) < width or frames < patch:
                    break
                features = loaded.extractor(window, sampling_rate=wanted, return_tensors="pt")
                x = states(loaded.output({"input_values": features["input_values"]}), self.layers)
                # Before the patches stand two tokens without a place; patches run along time, band by band.
                grid = x[0, 2:].unflatten(0, (bands, -1)).transpose(0, 1)
                found.append(grid[: (frames - patch) // stride + 1].float().cpu().numpy())
            if not found:
                raise too_short(len(sound), wanted, f"a patch is {patch} frames of 25 ms, 10 ms apart")
            yield np.concatenate(found)
