"""Captions: the published sentences word for word, and what every caption keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.captions import FaultRow, caption
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import parse

HISS = FaultRow(
    name="hiss",
    mechanism="noise-added",
    fault="leakage",
    fault_source="none",
    signature_source="generic",
    words="hissing, spraying",
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "ToyCar/section_00_source_test_normal_0001_car_B2_spd_31V_mic_1.wav",
            "This is the normal sound of a toy car with model B2 and speed 31V, "
            "recorded by a microphone placed at the position 1.",
        ),
        (
            "ToyCar/section_00_source_test_anomaly_0001_car_B2_spd_31V_mic_1.wav",
            "This is the anomaly sound of a toy car with model B2 and speed 31V, "
            "recorded by a microphone placed at the position 1.",
        ),
        (
            "Grinder/section_00_source_train_normal_0000_grindstone_2_plate_2.wav",
            "This is the normal sound of a grinding machine with grindstones 2 and metal plates 2.",
        ),
    ],
)
def test_the_published_captions(path: str, expected: str) -> None:
    assert caption(parse(path)) == expected


@pytest.mark.parametrize(
    ("machine", "tail", "expected"),
    [
        ("AirCompressor", "noAttribute", "an air compressor."),
        ("bearing", "pro_A_vel_4_loc_B", "a bearing with variant A, velocity 4 and location B."),
        ("fan", "m-n_W_f-n_A", "a fan with noise condition W and noise condition A."),
        ("slider", "vel_100_ac_0.03_", "a slide rail with velocity 100 and acceleration 0.03."),
        ("gearbox", "volt_1.0_wt_50_damage1", "a gearbox with voltage 1.0 and weight 50."),
        ("gearbox", "0_g_25_mm_2000_mV_none", "a gearbox with 0 g, 25 mm and 2000 mV."),
        ("gearbox", "id_00_wt_50", "a gearbox with id 00 and weight 50."),
        ("HairDryer", "id_A1", "a hair dryer with id A1."),
        ("fan", "spd_noAttribute_n_A", "a fan with noise condition A."),
        ("slider", "glassfiber_none", "a slide rail with condition glassfiber."),
        ("fan", "strenght_1_temp_max", "a fan with strength 1 and condition temp max."),
        ("valve", "pattern_00_no_pump", "a valve with pattern 00 and no pump."),
        ("valve", "v1pat_none_v2pat_B", "a valve with no valve 1 pattern and valve 2 pattern B."),
        ("ToyCarEmu", "mic_2_mic_1", "a toy car, recorded by microphones placed at the positions 2 and 1."),
        (
            "CoffeeGrinder",
            "mic_imp23absu_mic_pos_A_grind_100",
            "a coffee grinder with microphone imp23absu and grind setting 100, "
            "recorded by a microphone placed at the position A.",
        ),
        ("Scanner", "res_1_len_2", "a scanner with res setting 1 and len setting 2."),
        # keys and machines that nobody listed
        ("ToyFerrisWheel", "arm_pos_3", "a toy ferris wheel with arm pos 3."),
        ("WaterPump", "flowRate_3_RPM_1200", "a water pump with flow rate 3 and RPM 1200."),
        ("Press2", "Damage_2_Weight_3", "a press 2 with weight 3."),
    ],
)
def test_how_attributes_are_said(machine: str, tail: str, expected: str) -> None:
    clip = parse(f"{machine}/train/section_00_source_train_normal_0000_{tail}.wav")
    assert caption(clip) == f"This is the normal sound of {expected}"


def test_a_noise_recording_is_called_one() -> None:
    noise, machine = (parse(f"fan/supplemental/section_00_{kind}_0000.wav") for kind in ("noise", "machine"))
    assert caption(noise) == "This is the normal sound of a fan with background noise only."
    assert caption(machine) == "This is the normal sound of a fan."


def test_the_condition_of_a_clip_that_says_none() -> None:
    clip = parse("fan/test/section_00_0000.wav")
    assert caption(clip) == "This is the normal sound of a fan."
    assert caption(clip, condition="anomaly") == "This is the anomaly sound of a fan."


def test_the_descriptive_style_says_the_fault() -> None:
    clip = parse("pump/train/section_00_source_train_normal_0000_vel_3.wav")
    normal = caption(clip, style="descriptive", fault=HISS)
    faulty = caption(clip, condition="anomaly", style="descriptive", fault=HISS)
    unknown = caption(clip, condition="anomaly", style="descriptive")
    assert "hissing, spraying" in faulty
    assert "hissing" not in normal + unknown
    assert all(
        text.startswith("High quality, clear recording of a pump running ") for text in (normal, faulty, unknown)
    )
    assert all(text.endswith(", with velocity 3.") for text in (normal, faulty, unknown))
    assert len({normal, faulty, unknown}) == 3


def test_values_are_not_templates() -> None:
    clip = Clip(path="", machine="fan", attributes=(("note", "{{ 7 * 7 }}"), ("empty", " _ "), ("mic", "{value}")))
    assert caption(clip) == (
        "This is the normal sound of a fan with note {{ 7 * 7 }}, "
        "recorded by a microphone placed at the position {value}."
    )


def test_a_style_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("{{ machine }}\n  being {{ condition }}\n")
    (tmp_path / "paper.j2").write_text("{{ condition }}")
    (tmp_path / "attributes.yaml").write_text("vel: {phrase: 'a speed of {value}'}\n")
    clip = parse("fan/train/section_00_source_train_normal_0000_vel_3.wav")
    assert caption(clip, style="mine", overlay=tmp_path) == "fan being normal"
    assert caption(clip, overlay=tmp_path) == "normal"
    assert caption(clip, style="descriptive", overlay=tmp_path).endswith(", with a speed of 3.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ machine }}", r"mine\.j2: a caption that does not say the condition"),
        ("{% if condition == 'anomaly' %}x{% endif %}", r"mine\.j2: an empty caption"),
        ("{{ condition }} {{ nothing }}", r"mine\.j2: .*'nothing' is undefined"),
        ("{{ condition }} {{ 'a' * 10**9 }}", r"mine\.j2: the template cannot be rendered"),
    ],
)
def test_styles_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.j2").write_text(text)
    with pytest.raises(GensupError, match=message):
        caption(parse("fan/a.wav"), style="mine", overlay=tmp_path)


def test_an_unknown_style() -> None:
    with pytest.raises(GensupError, match=r"unknown caption style.*did you mean paper"):
        caption(parse("fan/a.wav"), style="papers")


@given(
    st.sampled_from(["fan", "ToyFerrisWheel", "x", None]),
    st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=4),
    st.sampled_from(["paper", "descriptive"]),
)
def test_what_every_caption_keeps_to(machine: str | None, pairs: list[tuple[str, str]], style: str) -> None:
    clip = Clip(path="", machine=machine, attributes=tuple(pairs))
    normal, anomaly = (caption(clip, condition=condition, style=style) for condition in ("normal", "anomaly"))
    for text in (normal, anomaly):
        assert text == " ".join(text.split())
        assert "_" not in text
    assert normal != anomaly
    if style == "paper":
        assert anomaly == normal.replace("the normal sound", "the anomaly sound", 1)
