"""Frames of any layers of a frozen WavLM (Chen et al., JSTSP 2022): 768 numbers every 20 ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gensup.detection.transformer_frontend import Framewise, Kind


@dataclass(frozen=True, slots=True)
class WavLM(Framewise):
    """A folder of weights and the layers whose frames stand side by side, (time, 1, 768 * layers)."""

    checkpoint: str = "wavlm-base-plus"

    name: ClassVar[str] = "wavlm"
    kind: ClassVar[Kind] = Kind("wavlm", "WavLMModel", "Wav2Vec2FeatureExtractor", "microsoft/wavlm-base-plus")
