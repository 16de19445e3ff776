"""Clips of four conditions of one machine, apart by the pitch of their tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gensup.audio.files import AudioRef
from gensup.detection.examples import Examples
from tests.support import sounds

PITCHES = (220.0, 330.0, 470.0, 680.0)  # Hz


def tone(label: int, seed: int, seconds: float = 0.5) -> np.ndarray:
    """(1, samples) of a condition: three harmonics in noise, phases and levels by the seed."""
    rng = np.random.default_rng([label, seed])
    time = np.arange(int(seconds * sounds.RATE)) / sounds.RATE
    tones = sum(
        rng.uniform(0.7, 1.3) * np.sin(2 * np.pi * (PITCHES[label] * k * time + rng.random())) for k in (1, 2, 3)
    )
    return np.asarray(0.05 * tones + 0.03 * rng.standard_normal(len(time)), dtype=np.float32)[None]


def conditions(folder: Path, each: int, first: int = 0, names: tuple[str, ...] = ("a", "b", "c", "d")) -> Examples:
    """``each`` clips of every condition, labelled."""
    paths, labels = [], []
    for label, name in enumerate(names):
        for i in range(first, first + each):
            paths.append(sounds.write(folder / f"{name}-{i}.wav", tone(label, i)))
            labels.append(name)
    return Examples(
        audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths),
        key=tuple(path.name for path in paths),
        group=("fan/00",) * len(paths),
        label=tuple(labels),
        plain=np.zeros(len(paths), dtype=bool),
    )
