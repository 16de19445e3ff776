"""Frames of any layers of a frozen Wav2Vec 2.0 (Baevski et al., NeurIPS 2020): 768 numbers every 20 ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gensup.detection.transformer_frontend import Framewise, Kind


@dataclass(frozen=True, slots=True)
class Wav2Vec2(Framewise):
    """A folder of weights and the layers whose frames stand side by side, (time, 1, 768 * layers)."""

    checkpoint: str = "wav2vec2-base"

    name: ClassVar[str] = "wav2vec2"
    kind: ClassVar[Kind] = Kind("wav2vec2", "Wav2Vec2Model", "Wav2Vec2FeatureExtractor", "facebook/wav2vec2-base")
