"""Which clips are noise, by names and folders alone; a test clip never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.metadata import parse
from gensup.metadata.noise import below_test, noise_of, supplemental_noise

ROOT = Path("data")
NOISE = (
    "fan/supplemental/section_00_noise_0001_.wav",
    "pump/supplemental/section_00_noise_supplemental_normal_0000.wav",
    "ToyCar/env_noise/N1_mic3_01595.wav",
    "ToyCar/case1/EnvironmentalNoise_CNT/2101010001_ToyCar_case1_N1_CNT_ch1_0001.wav",
    "supplemental/section_00_noise_0002.wav",  # of no machine
)
NOT = {
    "fan/supplemental/section_00_machine_0001_.wav": "clean clips of machines",
    "fan/supplemental/section_00_0001.wav": "that say no kind",
    "fan/supplemental/take 7.wav": "that say no kind",
    "fan/test/supplemental/section_00_noise_0001.wav": "test clips",
    "fan/supplemental/section_00_noise_test_0001.wav": "test clips",
    "fan/supplemental/test/section_00_noise_supplemental_0001.wav": "test clips",
}


def test_supplemental_noise() -> None:
    clips = [parse(path) for path in (*NOISE, *NOT, "fan/train/section_00_source_train_normal_0000_noise_1.wav")]
    found = supplemental_noise(ROOT, clips)
    assert {clip.path for clip in found.clips} == set(NOISE)
    assert dict(found.aside) == {"clean clips of machines": 1, "test clips": 3, "that say no kind": 2}
    of_pump = supplemental_noise(ROOT, clips, ["pump"])
    assert {clip.path for clip in of_pump.clips} == {NOISE[1], NOISE[4]}
    assert not supplemental_noise(Path("data/test"), clips).clips


def test_what_the_user_calls_noise() -> None:
    aside = {
        "section_00_source_test_normal_0000.wav": "test clips",
        "test/hall.wav": "test clips",
        "abnormal/hall.wav": "anomalies",
        "section_00_source_train_anomaly_0001.wav": "anomalies",
        "supplemental/section_00_machine_0001_.wav": "clean clips of machines",
    }
    taken = ("hall 1.wav", "night/hall 2.wav", "supplemental/rec.wav", NOISE[0])
    clips = [parse(path) for path in (*taken, *aside)]
    found = noise_of(Path("noise"), clips)
    assert {clip.path for clip in found.clips} == set(taken)
    assert str(found) == "4 clips; left aside: 2 anomalies, 1 clean clips of machines, 2 test clips"
    assert not noise_of(Path("noise"), clips, tested=True).clips
    assert not noise_of(Path("fan/source_test"), clips).clips


@pytest.mark.parametrize(
    ("folder", "below"), [("fan/test", True), ("fan/test/x", True), ("fan/supplemental", False), ("../test/x", False)]
)
def test_below_test(folder: str, below: bool, tmp_path: Path) -> None:
    assert below_test(tmp_path / "data" / folder, tmp_path / "data") == below
