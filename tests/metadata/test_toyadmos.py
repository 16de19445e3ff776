"""The two ToyADMOS data sets: names, folders and archives."""

from __future__ import annotations

import pytest

from gensup.metadata import first_shot, format, labelled, parse  # noqa: A004
from gensup.metadata.names import stem
from tests.metadata.test_roles import ROOT, clips

CAR = "ToyCar/case1"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (
            f"{CAR}/NormalSound_IND/1100010001_ToyCar_case1_normal_IND_ch1_0001.wav",
            ("ToyCar", "1", None, "normal", "0001", (("ch", "1"),)),
        ),
        (
            f"{CAR}/AnomalousSound_IND/1101010001_ToyCar_case1_ab01_IND_ch3_0007.wav",
            ("ToyCar", "1", None, "anomaly", "0007", (("damage", "01"), ("ch", "3"))),
        ),
        (
            "ToyCar/EnvironmentalNoise_CNT/1200010001_ToyCar_caseAll_N_CNT_ch1_0001.wav",
            ("ToyCar", None, "supplemental", "normal", "0001", (("ch", "1"),)),
        ),
        (
            "ToyADMOS2/ToyTrain/A1/normal/TN001-carA1-speed1_mic1_00001.wav",
            ("ToyTrain", None, None, "normal", "00001", (("car", "A1"), ("speed", "1"), ("mic", "1"))),
        ),
        (
            "4580270/toyad2_car_A_anomaly/CA001-carA1-speed1-a-damageL_mic1_00002.wav",
            (
                "ToyCar",
                None,
                None,
                "anomaly",
                "00002",
                (("car", "A1"), ("speed", "1"), ("damage", "a"), ("damage", "L"), ("mic", "1")),
            ),
        ),
        (
            "ToyCar/env_noise/N1_mic3_01595.wav",
            ("ToyCar", None, "supplemental", "normal", "01595", (("noise", "1"), ("mic", "3"))),
        ),
    ],
)
def test_fields(path: str, fields: tuple[object, ...]) -> None:
    clip = parse(path)
    assert (clip.machine, clip.section, clip.split, clip.condition, clip.index, clip.attributes) == fields
    assert clip.unparsed == ()
    assert format(clip) == stem(path)


def test_noise_names_mean_nothing_elsewhere() -> None:
    assert parse("ToyCar/test/N1_mic3_01595.wav").unparsed == ("N1_mic3_01595",)
    assert parse("ToyCar/1200010001_ToyCar_case2_strange_CNT_ch1_0001.wav").unparsed == ("strange",)


def test_roles() -> None:
    every = clips(
        f"{CAR}/NormalSound_IND/1100010001_ToyCar_case1_normal_IND_ch1_0001.wav",
        f"{CAR}/AnomalousSound_IND/1101010001_ToyCar_case1_ab01_IND_ch1_0001.wav",
        "ToyCar/EnvironmentalNoise_CNT/1200010001_ToyCar_caseAll_N_CNT_ch1_0001.wav",
    )
    taken, aside = first_shot(ROOT, every, "ToyCar")
    assert [clip.path for clip in taken.target] == [every[0].path]
    assert dict(aside.counts) == {"anomalies": 1, "supplemental": 1}
    assert [clip.path for clip in labelled(ROOT, every, "ToyCar")] == [every[1].path]
