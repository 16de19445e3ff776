"""What the VAE takes each clip for, encoded once and kept; what is trained on is drawn from it anew each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from gensup.errors import GensupError
from gensup.rng import generator
from gensup.store.cache import ArrayCache
from gensup.synthesis.diffusion.front_end import log_mel, peak_gain
from gensup.synthesis.diffusion.wrap import offsets, own_frames, wrapped
from gensup.synthesis.finetuning.examples import TrainingClip

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gensup.clip import Json
    from gensup.store.cache import Arrays
    from gensup.synthesis.diffusion.family import Posterior
    from gensup.synthesis.diffusion.grid import Grid

VERSION = 1  # raise it when the numbers change
WRAPS = 4
SECONDS = 10.0


class Encoder(Protocol):
    """What is used of a ``Family``."""

    @property
    def grid(self) -> Grid: ...

    def encode_audio(self, mel: Tensor) -> Posterior: ...


class Latent(NamedTuple):
    """A clip as the VAE hears it, on the CPU."""

    mean: Tensor  # (channels, height, width), not scaled
    log_variance: Tensor  # the same shape
    mask: Tensor  # (height,) bool: rows that hold the clip's own sound, alone and for the first time


class LatentCache:
    """Posteriors of clips at one length, a safetensors file for each clip and wrap.

    A clip loses its mean, gets a peak of one half (the gain is kept), and is laid on the grid from a random offset on:
    a shorter one goes round, a longer one is cropped. The VAE is too slow to hear a new offset each time, so each clip
    has ``wraps`` offsets, drawn by the clip's key and shared by all trainings; epochs go through them in shuffled
    order. Files are known by the clip's decoded sound, the model's revision, the dtype and the grid's length: what is
    there is never encoded again, what is damaged is, with a warning.

    Args:
        revision: of the checkpoint (its VAE).
        dtype: in which the VAE computes: its numbers differ.
        seconds: every clip is brought to the shortest length on the grid that lasts at least so long.

    Raises:
        GensupError: by what reads a latent, when a clip cannot be read, has several channels, or the VAE's answer is
            not finite or of another shape.
    """

    def __init__(
        self,
        folder: Path,
        clips: Sequence[TrainingClip],
        family: Encoder,
        revision: str,
        *,
        dtype: str = "float32",
        seconds: float = SECONDS,
        wraps: int = WRAPS,
        seed: int = 0,
    ) -> None:
        if wraps < 1:
            raise GensupError("too few", where="wraps", value=wraps, rule="at least 1")
        self.clips = tuple(clips)
        self.family = family
        self.grid = family.grid
        self.samples = self.grid.samples(seconds)
        self.shape = self.grid.latent(seconds)
        self.wraps = wraps
        self.seed = seed
        self._cache = ArrayCache(Path(folder))
        self._params: dict[str, Json] = {
            "revision": revision,
            "dtype": dtype,
            "samples": self.samples,
            "wraps": wraps,
            "grid": dict(asdict(self.grid)),
        }

    def missing(self) -> tuple[int, ...]:
        """Indices of clips that are not wholly encoded."""
        return tuple(
            index
            for index, clip in enumerate(self.clips)
            if not all(self._path(clip, wrap).is_file() for wrap in range(self.wraps))
        )

    def fill(self, rank: int = 0, size: int = 1) -> Iterator[int]:
        """Encode the missing clips, of all clips each ``size``-th from ``rank`` on; how many are left, after each.

        A clip's wraps are one batch of the VAE and no other clip is in it, so that a file's bytes do not depend on what
        was encoded beside it.
        """
        # By their place among all clips: what is missing changes while other processes encode theirs.
        todo = [index for index in self.missing() if index % size == rank]
        for done, index in enumerate(todo, start=1):
            self._all_wraps(index)
            yield len(todo) - done

    def get(self, index: int, epoch: int = 0) -> Latent:
        """The latent of a clip in the wrap of an epoch; encoded now if it is not there."""
        import torch

        order = generator("wraps", self.seed, self.clips[index].key, epoch // self.wraps).permutation(self.wraps)
        arrays = self._read(index, int(order[epoch % self.wraps]), {})
        return Latent(*(torch.from_numpy(arrays[name]) for name in Latent._fields))

    def gain(self, index: int) -> float:
        """What the clip's normalised samples are multiplied by to have its own level again."""
        return float(self._read(index, 0, {})["gain"][0])

    def _all_wraps(self, index: int) -> None:
        fresh: dict[int, Arrays] = {}
        for wrap in range(self.wraps):
            self._read(index, wrap, fresh)

    def _read(self, index: int, wrap: int, fresh: dict[int, Arrays]) -> Arrays:
        """The arrays of a wrap; ``fresh`` holds those of all wraps once one of them had to be made."""

        def make() -> Arrays:
            if not fresh:
                fresh.update(enumerate(self._encoded(self.clips[index])))
            return fresh[wrap]

        clip = self.clips[index]
        return self._cache.get("latent", VERSION, {**self._params, "wrap": wrap}, (clip.key,), make)

    def _path(self, clip: TrainingClip, wrap: int) -> Path:
        return self._cache.path("latent", VERSION, {**self._params, "wrap": wrap}, (clip.key,))

    def _encoded(self, clip: TrainingClip) -> list[Arrays]:
        """The arrays of every wrap of a clip."""
        import torch

        grid = self.grid
        audio = replace(clip.ref, rate=grid.rate).read()
        if len(audio) != 1:
            raise GensupError("not one channel", where=clip.clip.path, value=len(audio), rule="a model hears one")
        normalised, gain = peak_gain(torch.from_numpy(audio))
        rng = generator("offsets", clip.key)
        places = rng.integers(offsets(audio.shape[1], self.samples, grid.rate), size=self.wraps)
        laid = [wrapped(normalised.numpy(), self.samples, grid.rate, int(place)) for place in places]
        with torch.no_grad():
            heard = torch.from_numpy(np.concatenate([sound for sound, _ in laid]))
            posterior = self.family.encode_audio(log_mel(heard, grid))
        mean, log_variance = (part.float().cpu() for part in (posterior.mean, posterior.log_variance))
        for part in (mean, log_variance):
            if part.shape != (self.wraps, *self.shape) or not bool(torch.isfinite(part).all()):
                raise GensupError(
                    "the VAE cannot hear this clip",
                    where=clip.clip.path,
                    value=f"{tuple(part.shape)}, {int((~torch.isfinite(part)).sum())} values not finite",
                    rule=f"finite latents of shape {(self.wraps, *self.shape)}",
                    remedy="encode in float32",
                )
        return [
            {
                "mean": mean[wrap].numpy(),
                "log_variance": log_variance[wrap].numpy(),
                "mask": own_frames(laid[wrap][1], grid.hop * grid.factor),
                "gain": gain.numpy().reshape(1).astype(np.float32),
            }
            for wrap in range(self.wraps)
        ]


def sample(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """A draw of the posterior, of ``mean``'s shape and not scaled. The generator is the CPU's, whatever the device is.

    The variance is bounded as the VAE's own class bounds it.
    """
    import torch

    noise = torch.randn(mean.shape, generator=generator, dtype=torch.float32).to(mean)
    return mean + (0.5 * log_variance.clamp(-30.0, 20.0)).exp() * noise
