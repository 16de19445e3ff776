"""What may never be trained on is no training clip."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from tests.synthesis.finetuning.clips import training_clip


@pytest.mark.parametrize(
    "path",
    [
        "fan/test/section_00_source_test_normal_0000.wav",
        "fan/test/section_00_source_test_anomaly_0000.wav",
        "fan/train/section_00_source_train_anomaly_0000.wav",
        "fan/supplemental/section_00_noise_0000_.wav",
        "fan/id_00/abnormal/00000000.wav",
    ],
)
def test_of_a_target_nothing_but_normal_training_clips(path: str) -> None:
    with pytest.raises(GensupError, match="not a normal training clip of the target"):
        training_clip(path, "target")


@pytest.mark.parametrize(
    "path", ["fan/test/section_00_0000.wav", "fan/train/rec.wav", "fan/supplemental/section_00_noise_0000_.wav"]
)
def test_a_reference_says_its_condition(path: str) -> None:
    with pytest.raises(GensupError, match="normal or anomalous clip of a reference"):
        training_clip(path)


def test_a_machine_is_named() -> None:
    with pytest.raises(GensupError, match="names no machine"):
        training_clip("normal_id_00_00000000.wav")


def test_groups() -> None:
    clip = training_clip("toycar/ToyCar/A1/anomaly/CA001-carA1-speed1-a-damageL_mic1_00002.wav")
    assert clip.group == ("", (("car", "A1"), ("speed", "1"), ("damage", "a"), ("damage", "L"), ("mic", "1")))
    assert clip.operation == ("", (("car", "A1"), ("speed", "1"), ("mic", "1")))
    assert clip.condition == "anomaly"
    own = training_clip("fan/train/own.wav", "target")
    assert (own.clip.condition, own.condition) == (None, "normal")
