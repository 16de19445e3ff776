"""A detector as one module: a waveform of a fixed length in, the score of one group's models out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gensup.detection.chain import ChainDetector
from gensup.detection.embedding import Embedding
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.fusion import Member
from gensup.detection.graphs.backends import backend
from gensup.detection.graphs.poolings import pooled
from gensup.detection.graphs.pretrained import pretrained
from gensup.detection.graphs.spectra import Mel, htk
from gensup.detection.graphs.trained import trained
from gensup.detection.learnt import Learnt
from gensup.detection.parts import FittedFrontend
from gensup.detection.recipe import build
from gensup.errors import GensupError


class DetectorGraph(nn.Module):
    """(1, samples) at the detector's rate -> (1,) raw score, in double precision.

    Frontends that members share are heard once.

    Raises:
        GensupError: the detector does not fit its own parts.
    """

    def __init__(self, detector: Member, group: str) -> None:
        super().__init__()
        self.detector = detector
        self.chains = (detector,) if isinstance(detector, ChainDetector) else detector.chains()
        fronts = list(dict.fromkeys(chain.frontend for chain in self.chains))
        self.place = [fronts.index(chain.frontend) for chain in self.chains]
        self.poolings = [build(chain.params).pooling for chain in self.chains]
        self.fronts = nn.ModuleList(frontend(front, detector.rate) for front in fronts)
        self.models = nn.ModuleList(backend(chain.models[group]) for chain in self.chains)
        self.eval().requires_grad_(False)

    def forward(self, waveform: Tensor) -> Tensor:
        heard = [front(waveform) for front in self.fronts]
        scores = [
            model(pooled(pooling, heard[place]))
            for place, pooling, model in zip(self.place, self.poolings, self.models, strict=True)
        ]
        return _combined(self.detector, dict(zip(self.chains, scores, strict=True))).reshape(1)


class Framewise(nn.Module):
    """(frames, 1, bands) of a spectrogram."""

    def __init__(self, spectrogram: Mel) -> None:
        super().__init__()
        self.spectrogram = spectrogram

    def forward(self, waveform: Tensor) -> Tensor:
        found: Tensor = self.spectrogram(waveform)
        return found[:, None]


def frontend(fitted: FittedFrontend, rate: int) -> nn.Module:
    """Tokens (time, freq, dim) of a waveform (1, samples) at ``rate`` Hz, as ``fitted`` makes them."""
    if isinstance(fitted, Learnt):
        arrays = fitted.weights.arrays()
        wanted = int(arrays.pop("rate").reshape(-1)[0])
        if rate != wanted:
            raise GensupError("a network of another sampling rate", value=wanted, rule=f"{rate} Hz, the detector's")
        return trained(fitted.settings, arrays, rate)
    if isinstance(fitted, Embedding):
        return pretrained(fitted.settings, fitted.checkpoint, rate)
    if isinstance(fitted, LogMel):
        return Framewise(htk(rate, fitted.n_fft, fitted.hop, fitted.n_mels))
    raise TypeError(f"no graph of {type(fitted).__name__}")


def _combined(member: Member, raw: Mapping[Any, Tensor]) -> Tensor:
    """A member's raw score, see ``fusion``."""
    if isinstance(member, ChainDetector):
        return raw[member]
    scores = torch.stack([(_combined(one, raw) - one.held_out.mean) / one.held_out.sd for one in member.members])
    return scores.mean() if member.combine == "mean" else scores.max()
