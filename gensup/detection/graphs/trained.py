"""Trained frontends as modules: a waveform (1, samples) at the rate that they were trained at in, tokens out."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gensup.detection.frontends.autoencoder import AutoEncoding
from gensup.detection.frontends.beats_lora import RATE, Adaptation
from gensup.detection.frontends.seresnet import SeResNet
from gensup.detection.frontends.ssl4asd import Ssl4Asd
from gensup.detection.graphs.sound import HighPassed, Resampled, tiled
from gensup.detection.graphs.spectra import BeatsBank, Mel, slaney
from gensup.detection.networks.beats import PositionConv
from gensup.detection.networks.log_mel import FLOOR
from gensup.detection.networks.two_branch import SpectrumBranch, TwoBranch
from gensup.detection.parts import Arrays
from gensup.detection.residuals import Residual


@singledispatch
def trained(settings: object, arrays: Arrays, rate: int) -> nn.Module:
    """The module of a ``learnt.Learnable`` with these arrays, for clips of ``rate`` Hz."""
    raise TypeError(f"no graph of {settings}")


class Reconstructing(nn.Module):
    """(vectors or 1, 1, 1): how far an autoencoder is off, see ``residuals.off``."""

    inverses: Tensor

    def __init__(
        self,
        spectrogram: Mel,
        network: nn.Module,
        frames: int,
        residual: Residual,
        inverse: tuple[NDArray[np.float64], ...] | None,
    ) -> None:
        super().__init__()
        self.spectrogram, self.network, self.frames = spectrogram, network, frames
        self.residual: Residual = "mse" if inverse is None else residual
        self.register_buffer("inverses", torch.from_numpy(np.stack(inverse)) if inverse else torch.zeros(0))

    def forward(self, waveform: Tensor) -> Tensor:
        mel: Tensor = self.spectrogram(waveform)
        x = mel.unfold(0, self.frames, 1).transpose(1, 2).flatten(1)
        off: Tensor = (x - self.network(x)).double()
        if self.residual == "mse":
            return off.square().mean(dim=1).float()[:, None, None]
        if self.residual == "mahalanobis-code":
            off = off.reshape(-1, mel.shape[1]).mean(dim=0, keepdim=True)
        distances = ((off @ self.inverses) * off).sum(dim=2).amin(dim=0)  # of source and target
        if self.residual == "mahalanobis-paper":
            distances = distances / off.shape[1]
        return distances.float()[:, None, None]


class Laid(nn.Module):
    """(1, 1, dim): one embedding of a clip that was resampled, high-passed and tiled to the network's length."""

    def __init__(self, samples: int, network: nn.Module, *before: nn.Module) -> None:
        super().__init__()
        self.samples, self.network, self.before = samples, network, nn.Sequential(*before)

    def forward(self, waveform: Tensor) -> Tensor:
        embedding: Tensor = self.network(tiled(self.before(waveform), self.samples))
        return embedding.float()[None]


class Spectrum(nn.Module):
    """SSL4ASD's branch of a whole clip's spectrum, which is made in double precision."""

    def __init__(self, branch: SpectrumBranch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, waveform: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.rfft(waveform.double()).abs().float()[:, None, : waveform.shape[1] // 2]
        found: Tensor = self.branch.dense(self.branch.convolutions(spectrum).flatten(1))
        return found


class Branches(nn.Module):
    """Both of SSL4ASD's branches, side by side."""

    def __init__(self, network: TwoBranch) -> None:
        super().__init__()
        self.spectrum, self.image = Spectrum(network.spectrum), network.image

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.cat([self.spectrum(waveform), self.image(waveform)], dim=1)


@trained.register
def _autoencoder(settings: AutoEncoding, arrays: Arrays, rate: int) -> nn.Module:
    network, inverse = settings.opened(arrays, rate, "cpu")
    low, high, floor = 0.0, rate / 2, float(np.finfo(np.float64).eps)
    mel = slaney(rate, settings.n_fft, settings.hop, settings.n_mels, low, high, "constant", floor)
    return Reconstructing(mel, network, settings.frames, settings.residual, inverse)


@trained.register
def _seresnet(settings: SeResNet, arrays: Arrays, rate: int) -> nn.Module:
    body = settings.opened(arrays, rate, "cpu").body
    mel = slaney(
        rate, settings.n_fft, settings.hop, settings.n_mels, settings.fmin, settings.fmax, "reflect", FLOOR
    )  # fmt: skip
    passed = HighPassed(rate, settings.high_pass)
    return Laid(round(settings.seconds * rate), nn.Sequential(mel, Batched(), body), passed)


@trained.register
def _ssl4asd(settings: Ssl4Asd, arrays: Arrays, rate: int) -> nn.Module:
    return Laid(round(settings.seconds * rate), Branches(settings.opened(arrays, rate, "cpu")))


@trained.register
def _beats_lora(settings: Adaptation, arrays: Arrays, rate: int) -> nn.Module:
    network = settings.opened(arrays, rate, "cpu")
    # A network for use keeps spectra of its weights, and the bias of the last length: neither is a graph.
    encoder, config = network.beats.encoder, network.beats.config
    convolution = PositionConv(config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups)
    convolution.load_state_dict(encoder.pos_conv.state_dict())
    encoder.pos_conv, encoder.frozen = convolution, False
    bank = nn.Sequential(BeatsBank(), Batched())
    return Laid(round(settings.seconds * RATE), nn.Sequential(bank, network), Resampled(rate, RATE))


class Batched(nn.Module):
    """(frames, bands) -> (1, frames, bands)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[None]
