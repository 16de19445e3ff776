"""Pretrained frontends as modules: a waveform (1, samples) at any rate in, tokens (time, freq, dim) out."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor, nn

from gensup.detection.frontends.ast import SHIFT_S, WIDTH_S, Ast
from gensup.detection.frontends.beats import RATE, Beats
from gensup.detection.graphs.sound import Resampled, cut
from gensup.detection.graphs.spectra import BeatsBank, KaldiBank
from gensup.detection.networks.beats import Beats as Network
from gensup.detection.networks.beats import from_checkpoint
from gensup.detection.pretrained import Checkpoint, arrays_of, description
from gensup.detection.transformer_frontend import Framewise, Loaded, load, states


@singledispatch
def pretrained(settings: object, checkpoint: Checkpoint, rate: int) -> nn.Module:
    """The module of an ``embedding.Settings`` with these weights, for clips of ``rate`` Hz."""
    raise TypeError(f"no graph of {settings}")


class BeatsTokens(nn.Module):
    """Tokens of some layers of BEATs, see ``frontends.beats``."""

    def __init__(self, settings: Beats, network: Network, rate: int) -> None:
        super().__init__()
        self.layers, self.seconds, self.network = settings.layers, settings.seconds, network
        self.resampled, self.bank = Resampled(rate, RATE), BeatsBank()

    def forward(self, waveform: Tensor) -> Tensor:
        sound = self.resampled(waveform)
        if self.seconds is not None:
            sound = cut(sound, round(self.seconds * RATE))
        x = torch.cat(self.network(self.bank(sound)[None], self.layers), dim=-1)
        return x.reshape(-1, self.network.mel_patches, x.shape[2])


class Frames(nn.Module):
    """Frames of some layers of a model that hears samples, see ``transformer_frontend.Framewise``."""

    def __init__(self, layers: tuple[int, ...], loaded: Loaded, rate: int) -> None:
        super().__init__()
        self.layers, self.model, self.normalised = layers, loaded.model, bool(loaded.extractor.do_normalize)
        self.resampled = Resampled(rate, loaded.extractor.sampling_rate)

    def forward(self, waveform: Tensor) -> Tensor:
        sound = self.resampled(waveform)
        if self.normalised:
            away = sound - sound.mean()
            sound = away / (away.square().mean() + 1e-7).sqrt()
        x: Tensor = states(self.model(sound, output_hidden_states=True, return_dict=True), self.layers)
        return x[0, :, None]


class Patches(nn.Module):
    """Patches of some layers of AST, window by window, see ``frontends.ast``."""

    def __init__(self, layers: tuple[int, ...], loaded: Loaded, rate: int) -> None:
        super().__init__()
        self.layers, self.model, self.extractor = layers, loaded.model, loaded.extractor
        self.rate = self.extractor.sampling_rate
        self.resampled = Resampled(rate, self.rate)
        self.bank = KaldiBank(self.rate, self.extractor.num_mel_bins, "hanning", 1.0)

    def forward(self, waveform: Tensor) -> Tensor:
        config, sound = self.model.config, self.resampled(waveform)
        width, shift = round(WIDTH_S * self.rate), round(SHIFT_S * self.rate)
        patch, most = config.patch_size, config.max_length
        bands = (config.num_mel_bins - patch) // config.frequency_stride + 1
        found = []
        for start in range(0, sound.shape[1], most * shift):
            window = sound[:, start : start + (most - 1) * shift + width]
            frames = 1 + (window.shape[1] - width) // shift
            if window.shape[1] < width or frames < patch:
                break
            x = states(self.model(self._bank(window), output_hidden_states=True, return_dict=True), self.layers)
            grid = x[0, 2:].unflatten(0, (bands, -1)).transpose(0, 1)
            found.append(grid[: (frames - patch) // config.time_stride + 1])
        return torch.cat(found)

    def _bank(self, window: Tensor) -> Tensor:
        """(1, frames, bands) of the extractor's."""
        bank: Tensor = self.bank(window)[: self.extractor.max_length]
        bank = nn.functional.pad(bank, (0, 0, 0, self.extractor.max_length - len(bank)))
        if self.extractor.do_normalize:
            bank = (bank - self.extractor.mean) / (self.extractor.std * 2)
        return bank[None]


@pretrained.register
def _beats(settings: Beats, checkpoint: Checkpoint, rate: int) -> nn.Module:
    # Not the one that clips are scored with: that keeps spectra of its weights, which are no graph.
    network = from_checkpoint(arrays_of(checkpoint), description(checkpoint.path), str(checkpoint.path))
    return BeatsTokens(settings, network.float().eval().requires_grad_(False), rate)


@pretrained.register
def _framewise(settings: Framewise, checkpoint: Checkpoint, rate: int) -> nn.Module:
    return Frames(settings.layers, load(checkpoint, settings.kind, "cpu", "fp32"), rate)


@pretrained.register
def _ast(settings: Ast, checkpoint: Checkpoint, rate: int) -> nn.Module:
    return Patches(settings.layers, load(checkpoint, settings.kind, "cpu", "fp32"), rate)
