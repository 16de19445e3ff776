"""From a clip to a model's latents and back: what generated clips go through, whatever happens between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gensup.audio.files import Audio
from gensup.synthesis.diffusion.front_end import log_mel
from gensup.synthesis.diffusion.levels import normalised
from gensup.synthesis.diffusion.resampling import resampled
from gensup.synthesis.diffusion.wrap import FADE_S, wrapped

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.synthesis.diffusion.family import Family
    from gensup.synthesis.diffusion.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A clip as a model hears it."""

    audio: Audio  # (channels, samples of the grid) at the grid's rate, peak 0.5
    gain: float  # what undoes that level


def heard(audio: Audio, rate: int, seconds: float, grid: Grid) -> Heard:
    """A clip on the shortest sound of the grid that holds ``seconds`` of it.

    What the grid has more than the clip follows its end: every sample of the clip stands where it stood. It goes on
    mirrored for the length of a cross-fade, in which it goes over into its begin.
    """
    level, gain = normalised(resampled(audio, rate, grid.rate))
    samples = grid.samples(seconds)
    if samples > level.shape[1]:
        fade = min(round(FADE_S * grid.rate), samples - level.shape[1], level.shape[1] - 1)
        level = np.pad(level, ((0, 0), (0, fade)), mode="reflect")
    return Heard(wrapped(level, samples, grid.rate)[0], gain)


def latents(family: Family, clip: Heard) -> Tensor:
    """Scaled latents, (channels, latent channels, rows, columns) float32: the posterior's mean, not a sample of it.

    One channel at a time, so that a latent has the same bytes whatever is encoded beside it.
    """
    import torch

    mels = (log_mel(torch.from_numpy(channel[None]), family.grid) for channel in clip.audio)
    return torch.cat([family.encode_audio(mel).mean for mel in mels]) * family.grid.scaling


def sounds(family: Family, latents: Tensor, rows: int) -> Audio:
    """(latents, samples of the grid) of scaled latents, decoded ``rows`` at a time: the last ones are filled up."""
    import torch

    count = len(latents)
    places = (torch.arange(-(-count // rows) * rows) % count).reshape(-1, rows)
    decoded = [family.decode(latents[block]).cpu() for block in places]
    return np.asarray(torch.cat(decoded)[:count].numpy(), dtype=np.float32)


def given_back(sound: Audio, grid: Grid, rate: int, samples: int) -> Audio:
    """The first ``samples`` at ``rate`` of what was made on the grid: a plain cut, for the sound goes on after it."""
    cut = resampled(sound, grid.rate, rate)[:, :samples]
    if cut.shape[1] < samples:
        raise ValueError(f"{cut.shape[1]} of {samples} samples")
    return np.ascontiguousarray(cut)
