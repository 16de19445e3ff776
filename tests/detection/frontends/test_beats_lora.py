"""BEATs adapted to machines: it learns their conditions, leaves its base alone, and travels inside a detector."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.audio.files import AudioRef
from gensup.detection import detector
from gensup.detection.chain import fit
from gensup.detection.conversion import convert
from gensup.detection.crossfit import Arrangement, crossfit
from gensup.detection.examples import Examples
from gensup.detection.frontends.beats_lora import Base, BeatsLora
from gensup.detection.learnt import Learnt
from gensup.detection.means import Means
from gensup.detection.networks import beats
from gensup.detection.networks.adapted_beats import AdaptedBeats, fbanks
from gensup.detection.networks.beats import BeatsConfig
from gensup.detection.parts import STATE, FittedFrontend
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.store.files import sha256_file
from gensup.training.lora import LoraLinear
from tests.support import checkpoints, sounds

SMALL = BeatsLora(
    "tiny", rank=4, dim=16, seconds=0.8, centres=2, steps=2, batch=8, learning_rate=1e-3, warm_up=0, pseudo="none"
)
CONDITIONS, EACH = 4, 16


@cache
def machine(condition: int, seed: int) -> np.ndarray:
    """(1, samples): a fan whose blades pass a little faster in each condition; levels and noise are the clip's own."""
    rng = np.random.default_rng([condition, seed])
    time = np.arange(round(0.8 * 16_000)) / 16_000
    speed = 280 * 1.15**condition * rng.uniform(0.98, 1.02)
    tones = sum(rng.uniform(0.2, 1) * np.sin(2 * np.pi * (k * speed * time + rng.random())) for k in range(1, 6))
    noise = np.cumsum(rng.standard_normal(len(time))) * 0.02 + rng.standard_normal(len(time))
    return np.asarray(0.1 * rng.uniform(0.3, 1) * (tones + noise), dtype=np.float32)[None]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Clips of each condition; the odd ones are held out where something is to be learnt."""
    root = tmp_path_factory.mktemp("fan")
    names = [(c, i) for i in range(EACH) for c in range(CONDITIONS)]
    paths = [root / f"{c}_{i}.wav" for c, i in names]
    from gensup.audio import files

    for path, (c, i) in zip(paths, names, strict=True):
        files.write(path, machine(c, i), 16_000, "PCM_16")
    return Examples(
        audio=tuple(AudioRef(path, 16_000, 0) for path in paths),
        key=tuple(path.stem for path in paths),
        group=("fan",) * len(paths),
        target_domain=np.array([i % 4 == 0 for _, i in names]),
        label=tuple(f"spd {c}" for c, _ in names),
    )


def embeddings(front: FittedFrontend, clips: Examples) -> np.ndarray:
    x = np.stack([front.tokens(ref.read(), ref.rate).x[0, 0] for ref in clips.audio])
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def accuracy(front: FittedFrontend, heard: Examples) -> float:
    """Share of held-out clips whose nearest training clip is of their class."""
    odd = np.arange(len(heard)) // CONDITIONS % 2 == 1
    known, asked = heard.take(np.flatnonzero(~odd)), heard.take(np.flatnonzero(odd))
    nearest = (embeddings(front, asked) @ embeddings(front, known).T).argmax(axis=1)
    return float(np.mean([known.label[n] == label for n, label in zip(nearest, asked.label or (), strict=True)]))  # type: ignore[index] # fmt: skip # noqa: E501


def training(heard: Examples) -> Examples:
    return heard.take(np.flatnonzero(np.arange(len(heard)) // CONDITIONS % 2 == 0))


def saved(front: FittedFrontend, file: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({f"{STATE}{name}": np.ascontiguousarray(value) for name, value in front.state().items()}, file)
    return file


@pytest.mark.parametrize("adaptation", ["lora", "full"])
def test_learns_conditions(means: Means, heard: Examples, adaptation: str) -> None:
    settings = replace(SMALL, adaptation=adaptation, steps=60, batch=16, learning_rate=3e-3, warm_up=10)
    before = accuracy(settings.untrained(means), heard)
    after = accuracy(settings.ready(training(heard), means, 0), heard)
    assert after >= 0.75
    assert after > before + 0.1
