"""Eight clips of two conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gensup.audio.files import AudioRef, fingerprint
from gensup.metadata import parse
from gensup.synthesis.finetuning.examples import TrainingClip
from tests.support import sounds


def recordings(folder: Path, each: int = 4) -> list[TrainingClip]:
    """Hums, and hiss that drowns them."""
    clips = []
    for condition, split in (("normal", "train"), ("anomaly", "test")):
        for i in range(each):
            audio = sounds.hum(i, hiss=30.0 * (condition == "anomaly"))
            name = f"fan/{split}/section_00_source_{split}_{condition}_{i:04d}_spd_1.wav"
            path = sounds.write(folder / name, 0.9 * audio / np.abs(audio).max())
            ref = AudioRef(path, 16_000)
            heard = ref.read()
            clips.append(TrainingClip(parse(name), ref, fingerprint(heard), heard.shape[1] / 16_000, "reference"))
    return clips
