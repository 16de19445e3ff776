"""Training clips out of names, without sound."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gensup.audio.files import AudioRef
from gensup.metadata import parse
from gensup.rng import digest
from gensup.synthesis.finetuning.examples import Role, TrainingClip

RATE = 16_000


def training_clip(path: str, role: Role = "reference") -> TrainingClip:
    return TrainingClip(parse(path), AudioRef(Path(path), RATE), digest(path), 10.0, role)


def dcase(machine: str, attributes: Iterable[str] = ("vel_1",), role: Role = "reference") -> list[TrainingClip]:
    """A machine of DCASE, a tenth of its size: a source clip a target clip's hundred; references with their tests."""
    ways = list(attributes)
    names = [f"train/section_00_source_train_normal_{i:04}_{ways[i % len(ways)]}" for i in range(99)]
    names.append("train/section_00_target_train_normal_0099_vel_77")
    if role == "reference":
        for domain in ("source", "target"):
            names += [f"test/section_00_{domain}_test_anomaly_{i:04}_{ways[i % len(ways)]}" for i in range(5)]
    return [training_clip(f"{machine}/{name}.wav", role) for name in names]
