"""Small machines that tests can hear: tones in noise, and the same with a hiss."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gensup.audio import files

RATE = 8000


def hum(seed: int, *, hiss: float = 0.0, seconds: float = 0.8) -> np.ndarray:
    """(1, samples): a motor's tones with random phases and levels in noise; ``hiss`` adds noise above 2 kHz."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    tones = sum(rng.uniform(0.8, 1.2) / k * np.sin(2 * np.pi * (50 * k * time + rng.random())) for k in range(1, 9))
    noise = rng.standard_normal(len(time))
    high = np.diff(rng.standard_normal(len(time) + 1))
    return np.asarray(0.05 * (tones + 0.3 * noise + hiss * high), dtype=np.float32)[None]


def write(path: Path, audio: np.ndarray) -> Path:
    """A 16-bit WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, np.round(audio * 32768).astype(np.float32) / np.float32(32768), RATE, "PCM_16")
    return path


def machine(root: Path, *, name: str = "fan", train: int = 14, target: int = 3, test: int = 6) -> Path:
    """A DCASE-shaped folder of one machine: train, and a labelled test with hissing anomalies."""
    for i in range(train):
        domain, speed = ("target", 3) if i < target else ("source", 1 + i % 2)
        write(root / name / "train" / f"section_00_{domain}_train_normal_{i:04d}_spd_{speed}.wav", hum(i))
    for i in range(test):
        label = "anomaly" if i % 2 else "normal"
        clip = root / name / "test" / f"section_00_source_test_{label}_{i:04d}_spd_1.wav"
        write(clip, hum(1000 + i, hiss=0.5 * (i % 2)))
    return root
