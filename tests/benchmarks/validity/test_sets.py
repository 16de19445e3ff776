"""Labelled sets: the layouts that are known, and any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from benchmarks.validity.audio import recorded
from benchmarks.validity.selecting import Effort
from benchmarks.validity.sets import known_recordings, recordings
from gensup import Settings
from gensup.engine import Inline
from gensup.errors import GensupError

RATE = 16_000


def clip(path: Path, number: int, tone_hz: float = 0.0) -> None:
    rng = np.random.default_rng(number)
    t = np.arange(RATE) / RATE
    sound = 0.02 * rng.standard_normal(RATE) + 0.02 * np.sin(2 * np.pi * 120 * t + number)
    sound += 0.05 * np.sin(2 * np.pi * tone_hz * t) * (tone_hz > 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, RATE, (sound * 32767).astype(np.int16))


def test_folders_of_conditions(tmp_path: Path) -> None:
    for i in range(3):
        clip(tmp_path / "fan" / "id_00" / "normal" / f"{i:08d}.wav", i)
        clip(tmp_path / "fan" / "id_00" / "abnormal" / f"{i:08d}.wav", 10 + i)
        clip(tmp_path / "pump" / "id_02" / "normal" / f"{i:08d}.wav", 20 + i)
    (found,) = recordings(tmp_path)
    assert (found.name, found.machine, found.train) == ("fan 00", "fan", ())
    assert (len(found.normal), len(found.anomaly)) == (3, 3)


def test_names_of_a_challenge(tmp_path: Path) -> None:
    for i in range(2):
        clip(tmp_path / "ToyCar" / "train" / f"section_00_source_train_normal_{i:04d}_a_1.wav", i)
        for condition in ("normal", "anomaly"):
            clip(tmp_path / "ToyCar" / "test" / f"section_00_source_test_{condition}_{i:04d}_a_1.wav", 5 + i)
    (found,) = recordings(tmp_path)
    assert (len(found.train), len(found.normal), len(found.anomaly)) == (2, 2, 2)


def test_nothing_to_judge_by(tmp_path: Path) -> None:
    clip(tmp_path / "fan" / "normal" / "00000000.wav", 0)
    with pytest.raises(GensupError, match="nothing to judge by"):
        recordings(tmp_path)


def test_known_layouts_are_found_where_they_are(tmp_path: Path) -> None:
    assert known_recordings(tmp_path) == []
    for place in ("normal", "abnormal"):
        clip(tmp_path / "mimii_fan_id00_ch0" / place / "00000000.wav", 0)
    (found,) = known_recordings(tmp_path)
    assert (found.name, found.machine) == ("fan id_00", "fan")


def test_a_recorded_case_leaves_out_sounds_that_were_heard(tmp_path: Path) -> None:
    for i in range(10):
        clip(tmp_path / "fan" / "train" / "normal" / f"{i:08d}.wav", i)
    for i in range(8, 14):  # two of them are training clips again
        clip(tmp_path / "fan" / "test" / "normal" / f"{i:08d}.wav", i)
    for i in range(4):
        clip(tmp_path / "fan" / "test" / "abnormal" / f"{i:08d}.wav", 30 + i, tone_hz=2000)
    (given,) = recordings(tmp_path)
    settings = Settings(pairs=2, severities=(0.5, 2), faults=("noise-added", "spectral-tilt"))
    case = recorded(given, Inline(), Effort(detectors=("mean-gmm",), settings=settings))
    assert ((~case.anomalous).sum(), case.anomalous.sum()) == (4, 4)
    assert case.small
    sources = {column.source for column in case.table.columns if column.role == "normal"}
    assert len(sources) == 10
    # Everybody hears a loud tone.
    assert (case.test[:, case.anomalous].min(axis=1) > case.test[:, ~case.anomalous].max(axis=1)).all()
