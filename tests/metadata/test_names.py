"""Names: the grammar with its traps, reversibility for every text, and no guessing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.clip import Clip
from gensup.metadata import names

SECTION = "section_00_source_train_normal_0000_"


def attributes(tail: str) -> tuple[tuple[str, str], ...]:
    clip = names.parse(f"machine/train/{SECTION}{tail}.wav")
    assert names.format(clip) == SECTION + tail
    assert clip.unparsed == ()
    return clip.attributes


@pytest.mark.parametrize(
    ("tail", "pairs"),
    [
        ("noAttribute", []),
        ("car_B1_spd_31V_mic_1", [("car", "B1"), ("spd", "31V"), ("mic", "1")]),
        ("car_D2_spd_5_mic_2_mic_1", [("car", "D2"), ("spd", "5"), ("mic", "2"), ("mic", "1")]),
        ("volt_3.0_wt_50", [("volt", "3.0"), ("wt", "50")]),
        ("volt_1.0_wt_50_damage1", [("volt", "1.0"), ("wt", "50"), ("damage", "1")]),
        ("vel_100_ac_0.03_", [("vel", "100"), ("ac", "0.03")]),
        ("m-n_X", [("m-n", "X")]),
        ("vel_8_f-n_A", [("vel", "8"), ("f-n", "A")]),
        ("n-lv_L1", [("n-lv", "L1")]),
        ("pat_00_panel_bs-c", [("pat", "00"), ("panel", "bs-c")]),
        ("v1pat_none_v2pat_B", [("v1pat", "none"), ("v2pat", "B")]),
        ("car_A1_spd_Lb_mic_1", [("car", "A1"), ("spd", "Lb"), ("mic", "1")]),
        ("fl_0_nos_3", [("fl", "0"), ("nos", "3")]),
        ("weight15_BckgF", [("weight", "15"), ("Bckg", "F")]),
        ("spd1000_BckgC", [("spd", "1000"), ("Bckg", "C")]),
        ("vel150_dis350_accl0.30", [("vel", "150"), ("dis", "350"), ("accl", "0.30")]),
        ("A1Spd28VMic1", [("car", "A1"), ("spd", "28V"), ("mic", "1")]),
        ("A1Spd6Mic1", [("car", "A1"), ("spd", "6"), ("mic", "1")]),
        ("strength_1_ambient", [("strength", "1"), ("condition", "ambient")]),
        ("strenght_1_temp_max", [("strenght", "1"), ("condition", "temp_max")]),
        ("serial_no_000_water", [("serial_no", "000"), ("condition", "water")]),
        ("serial_no_000_viscous_liquid", [("serial_no", "000"), ("condition", "viscous_liquid")]),
        ("serial_no_000", [("serial_no", "000")]),
        ("serial_no_000_1", [("serial_no", "000"), ("condition", "1")]),
        ("serial_no_000_1_2", [("serial_no", "000"), ("condition", "1_2")]),
        ("pattern_00_no_pump", [("pattern", "00"), ("condition", "no_pump")]),
        ("pattern_00_air_pump_comb", [("pattern", "00"), ("condition", "air_pump_comb")]),
        ("glassfiber_none", [("condition", "glassfiber_none")]),
        ("0_g_25_mm_2000_mV_none", [("g", "0"), ("mm", "25"), ("mV", "2000"), ("condition", "none")]),
        ("250_g_10_mm_1000_mV_None", [("g", "250"), ("mm", "10"), ("mV", "1000"), ("condition", "None")]),
        (
            "mic_pos_A_bkg_Z_mic_imp23absu_grind_100",
            [("mic_pos", "A"), ("bkg", "Z"), ("mic", "imp23absu"), ("grind", "100")],
        ),
        # keys that nobody listed
        ("torque_12_lamp_A", [("torque", "12"), ("lamp", "A")]),
        ("arm_pos_3_x-y_B", [("arm_pos", "3"), ("x-y", "B")]),
        ("v3pat_05_ch1_07", [("v3pat", "05"), ("ch1", "07")]),
        ("zip15_lampQ", [("zip", "15"), ("lamp", "Q")]),
        ("ambient_vel_3", [("condition", "ambient"), ("vel", "3")]),
        ("lid_open_lamp_A", [("condition", "lid_open"), ("lamp", "A")]),
    ],
)
def test_attributes_pair_up(tail: str, pairs: list[tuple[str, str]]) -> None:
    assert attributes(tail) == tuple(pairs)


@pytest.mark.parametrize(
    ("tail", "pairs", "unparsed"),
    [
        ("vel", (), ("vel",)),
        ("car_spd_31V", (("spd", "31V"),), ("car",)),
        ("vel_3_%%_{v0}", (("vel", "3"),), ("%%", "{v0}")),
        ("serial_no", (), ("serial", "no")),
        ("vel_5_{u0}_été", (("vel", "5"),), ("{u0}", "été")),
    ],
)
def test_what_is_not_understood_is_kept(tail: str, pairs: object, unparsed: object) -> None:
    clip = names.parse(f"machine/train/{SECTION}{tail}.wav")
    assert (clip.attributes, clip.unparsed) == (pairs, unparsed)
    assert names.format(clip) == SECTION + tail


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("fan/test/section_00_0000.wav", {"machine": "fan", "section": "00", "index": "0000"}),
        ("fan/test/id_01_00000042.wav", {"machine": "fan", "section": "01", "split": "test", "index": "00000042"}),
        (
            "fan/test_rename/anomaly_id_01_00000042.wav",
            {"machine": "fan", "section": "01", "split": "test", "condition": "anomaly", "index": "00000042"},
        ),
        (
            "arm/test/section_00_source_normal_0035_weight15.wav",
            {
                "machine": "arm",
                "section": "00",
                "domain": "source",
                "condition": "normal",
                "index": "0035",
                "attributes": (("weight", "15"),),
                "spelling": "section_{section}_{domain}_{condition}_{index}_{k0}{v0}",
            },
        ),
        (
            "fan/source_test/section_03_source_test_0000.wav",
            {"machine": "fan", "section": "03", "domain": "source", "split": "test", "index": "0000"},
        ),
        (
            "section_00_test_0000.wav",  # in the official READMEs, in no list
            {"section": "00", "split": "test", "index": "0000"},
        ),
        (
            "-6_dB_fan/fan/id_04/abnormal/00000003.wav",
            {"machine": "fan", "section": "04", "condition": "anomaly", "index": "00000003", "spelling": "{index}"},
        ),
        ("some_folder/normal/00000003.flac", {"condition": "normal", "index": "00000003", "spelling": "{index}"}),
        ("20260101.wav", {"unparsed": ("20260101",)}),
        ("rec_17.wav", {"unparsed": ("rec_17",)}),
        ("lathe/rec_17.wav", {"unparsed": ("rec_17",)}),
        ("lathe/train/rec_17.wav", {"machine": "lathe", "split": "train", "unparsed": ("rec_17",)}),
        ("lathe/Train/normal/a.WAV", {"machine": "lathe", "split": "train", "condition": "normal", "unparsed": ("a",)}),
        (
            "data/dcase2024t2/dev_data/raw/3DPrinter/train/section_00_source_train_normal_0001_noAttribute.wav",
            {
                "year": 2024,
                "machine": "3DPrinter",
                "section": "00",
                "domain": "source",
                "split": "train",
                "condition": "normal",
                "index": "0001",
                "spelling": "section_{section}_{domain}_{split}_{condition}_{index}_noAttribute",
            },
        ),
        (
            "dcase2020_slider_id00_train/normal_id_00_00000000.flac",
            {"year": 2020, "section": "00", "condition": "normal", "index": "00000000"},
        ),
        (
            "raw/train/normal_id_00_00000000.flac",
            {"section": "00", "split": "train", "condition": "normal", "index": "00000000"},
        ),
        (
            "train/fan/normal_id_00_00000000.flac",
            {"machine": "fan", "section": "00", "split": "train", "condition": "normal", "index": "00000000"},
        ),
        (
            "fan/train/section_00_normal_anomaly_0000.wav",  # contradicts itself
            {
                "machine": "fan",
                "section": "00",
                "index": "0000",
                "unparsed": ("normal", "anomaly"),
                "spelling": "section_{section}_{u0}_{u1}_{index}",
            },
        ),
    ],
)
def test_fields(path: str, fields: dict[str, object]) -> None:
    assert names.parse(path) == Clip(path=path, **fields)  # type: ignore[arg-type]
    assert names.format(names.parse(path)) == names.stem(path)


@pytest.mark.parametrize(
    ("name", "domain", "kind"),
    [
        ("section_00_machine_0001_", None, "machine"),
        ("section_00_machine_source_0000_noAttribute", "source", "machine"),
        ("section_00_source_supplemental_machine_0000", "source", "machine"),
        ("section_00_noise_supplemental_normal_0000", None, "noise"),
    ],
)
def test_supplemental(name: str, domain: str | None, kind: str) -> None:
    clip = names.parse(f"bearing/supplemental/{name}.wav")
    assert (clip.machine, clip.split, clip.condition, clip.domain) == ("bearing", "supplemental", "normal", domain)
    assert (clip.attributes, clip.unparsed) == ((("kind", kind),), ())
    assert names.format(clip) == name


def test_a_supplemental_clip_never_counts_as_training() -> None:
    clip = names.parse(f"bearing/supplemental/{SECTION}vel_3.wav")
    assert (clip.split, clip.unparsed) == ("supplemental", ())
    assert names.format(clip) == f"{SECTION}vel_3"


def test_the_roots_name_says_all_but_the_machine_and_those_above_it_less() -> None:
    clip = names.parse("a.wav", under=("dcase2023", "test", "train"))
    assert clip == Clip(path="a.wav", year=2023, split="train", unparsed=("a",))
    above = names.parse("00000000.wav", under=("id_02", "abnormal"))
    assert (above.section, above.condition, above.machine) == ("02", "anomaly", None)
    somebodys = names.parse("a.wav", under=("test", "pumps"))
    assert (somebodys.split, somebodys.condition) == (None, None)
    blind = names.parse("section_00_0000.wav", under=("test",))
    assert (blind.split, blind.condition) == (None, None)


def test_the_plain_name_of_a_clip_made_by_hand() -> None:
    clip = Clip(path="", section="01", domain="target", split="test", condition="anomaly", index="0007")
    assert names.format(replace(clip, attributes=(("vel", "3"),))) == "section_01_target_test_anomaly_0007_vel_3"
    assert names.format(Clip(path="", section="02", condition="normal", index="00000001")) == "normal_id_02_00000001"


def test_a_template_that_no_longer_fits_is_not_used() -> None:
    clip = names.parse(f"{SECTION}weight15.wav")
    assert clip.spelling is not None
    assert names.format(replace(clip, condition="anomaly")) == "section_00_source_train_anomaly_0000_weight15"
    assert names.format(replace(clip, attributes=(("a", "1"), ("b", "2")))) == f"{SECTION}a_1_b_2"
    assert names.format(replace(clip, attributes=())) == SECTION.removesuffix("_")
    assert names.format(replace(clip, domain=None)) == "section_00_train_normal_0000_weight_15"
    assert names.format(replace(clip, spelling="{nothing}_{v9}")) == f"{SECTION}weight_15"


HOSTILE = [
    "",
    "/",
    ".wav",
    "a/.flac",
    "-rf.wav",
    "fan/train/a\nb.wav",
    "fan/train/\udcff\udce9.wav",
    f"{SECTION}\udcff_3.wav",
    "x" * 5000 + ".wav",
    "section_" * 1000,
    f"{SECTION}" + "a1" + "AA1" * 2000 + ".!",
    f"{SECTION}" + "a" * 3000 + "-",
    "section_٣_٤.wav",
    "section_00_²_0000_{k0}{{}}.wav",
    "section__0000",
    "section_00__0000___",
    "{section}_{index}",
    "..",
    "a/../b.wav",
    "normal_id_00_00000000\n.wav",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_names_are_read_and_written(path: str) -> None:
    assert names.format(names.parse(path)) == names.stem(path)


TOKENS = st.sampled_from(
    [
        *("section", "00", "0000", "00000000", "id", "source", "target", "train", "test", "normal", "anomaly", "noise"),
        *("supplemental", "machine", "vel", "car", "f-n", "serial", "no", "mic", "pos", "weight15", "BckgF", "A", "1"),
        *("A1Spd28VMic1", "accl0.30", "31V", "none", "temp", "max", "g", "mm", "25", "0.12", "noAttribute", "", "-"),
        *("{v0}", "{u1}", "{", "}", "é", "%"),
    ]
)


@given(
    st.lists(TOKENS, max_size=12), st.sampled_from(["", "fan/", "fan/test/", "fan/supplemental/", "fan/id_00/normal/"])
)
def test_any_tokens_come_back(tokens: list[str], folder: str) -> None:
    path = f"{folder}section_00_{'_'.join(tokens)}.wav"
    clip = names.parse(path)
    assert names.format(replace(clip, path="")) == names.stem(path)


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
def test_any_text_comes_back(path: str) -> None:
    clip = names.parse(path)
    assert clip.path == path
    assert names.format(replace(clip, path="")) == names.stem(path)


WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=6).filter(lambda word: word not in ("none", "test"))
NUMBER = st.one_of(st.integers(0, 9999).map(str), st.floats(0, 9).map(lambda value: f"{value:.2f}"))


@given(
    st.sampled_from(["00", "05"]),
    st.sampled_from([None, "source", "target"]),
    st.sampled_from([None, "train", "test"]),
    st.sampled_from([None, "normal", "anomaly"]),
    st.from_regex(r"[0-9]{4}", fullmatch=True),
    st.lists(st.tuples(WORD, NUMBER), max_size=4),
)
def test_the_plain_name_of_regular_fields_is_read_back(
    section: str, domain: str, split: str, condition: str, index: str, pairs: list[tuple[str, str]]
) -> None:
    clip = Clip(
        path="",
        section=section,
        domain=domain,  # type: ignore[arg-type]
        split=split,  # type: ignore[arg-type]
        condition=condition,  # type: ignore[arg-type]
        index=index,
        attributes=tuple(pairs),
    )
    path = f"{names.format(clip)}.wav"
    assert names.parse(path) == replace(clip, path=path)


def test_only_an_audio_suffix_is_cut() -> None:
    assert [names.stem(name) for name in ("volt_3.0.wav", "ac_0.12", "a.FLAC", "x.wav.wav", "a.mp3")] == [
        "volt_3.0",
        "ac_0.12",
        "a",
        "x.wav",
        "a.mp3",
    ]
    assert names.stem("fan/" + PurePosixPath("b.wav").name) == "b"
