"""Frames of any layers of a frozen HuBERT (Hsu et al., TASLP 2021): 768 numbers every 20 ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gensup.detection.transformer_frontend import Framewise, Kind


@dataclass(frozen=True, slots=True)
class Hubert(Framewise):
    """A folder of weights and the layers whose frames stand side by side, (time, 1, 768 * layers)."""

    checkpoint: str = "hubert-base-ls960"

    name: ClassVar[str] = "hubert"
    kind: ClassVar[Kind] = Kind("hubert", "HubertModel", "Wav2Vec2FeatureExtractor", "facebook/hubert-base-ls960")
