"""Waveforms as a network takes them, all of one length, on disk: what is read again soon stays in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gensup.augmentation.noise import NoiseMix
from gensup.detection.by_classes import Classifier
from gensup.detection.examples import Examples
from gensup.detection.noise import Noise
from gensup.rng import generator

Rows = Iterator[NDArray[np.float32]]


class Waveforms:
    """Rows (samples,) by number; they are made when the first is wanted, and gone after ``close``."""

    def __init__(self, file: Path, make: Callable[[], Rows]) -> None:
        self.file, self.make = file, make
        self._rows: np.memmap[Any, np.dtype[np.float32]] | None = None

    def __len__(self) -> int:
        return len(self._written())

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """(rows, samples)."""
        return np.asarray(self._written()[rows])

    def close(self) -> None:
        self._rows = None
        self.file.unlink(missing_ok=True)

    def _written(self) -> np.memmap[Any, np.dtype[np.float32]]:
        if self._rows is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            count = samples = 0
            with self.file.open("wb") as out:
                for row in self.make():
                    np.ascontiguousarray(row, dtype=np.float32).tofile(out)
                    count, samples = count + 1, len(row)
            self._rows = np.memmap(self.file, np.float32, "r", shape=(count, samples))
        return self._rows


def of_clips(frontend: Classifier, clips: Examples, rate: int, seed: int) -> Rows:
    """A row a clip."""
    for ref, key in zip(clips.audio, clips.key, strict=True):
        yield frontend.laid(ref.read()[0], rate, generator("laid", seed, key))


def of_noise(frontend: Classifier, noise: Noise, rate: int, seed: int) -> Rows:
    """Laid as clips are; of a longer recording a row for every piece of a clip's length, a rest of half of it too."""
    length = round(frontend.seconds * rate)
    for ref, key in zip(noise.audio, noise.key, strict=True):
        samples, rng = ref.read()[0], generator("laid", seed, key)
        for start in range(0, max(len(samples) - length // 2, 1), length):
            yield frontend.laid(samples[start : start + length], rate, rng)


class Noising:
    """Noise in the waveforms of a step: targets are as they were or, with ``classes``, of twice as many classes."""

    def __init__(self, mix: NoiseMix, noises: Waveforms, classes: bool) -> None:
        self.mix, self.noises, self.classes = mix, noises, classes

    def __call__(self, waveforms: Tensor, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, samples) and (B, classes or twice as many); only the noises that are heard are read."""
        drawn = self.mix.draw(len(waveforms), len(self.noises), rng)
        used, place = np.unique(np.where(drawn.changed, drawn.noise, drawn.noise[0]), return_inverse=True)
        noises = torch.from_numpy(self.noises[used]).to(waveforms.device)
        mixed: Tensor = replace(drawn, noise=place).apply(waveforms, noises)
        said: Tensor = drawn.extra_classes(targets) if self.classes else drawn.targets(targets)
        return mixed, said
