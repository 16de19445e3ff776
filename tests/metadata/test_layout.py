"""Every year's tree is recognised by its structure, under any root."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.clip import Clip
from gensup.metadata import describe, first_shot, scan
from tests.metadata.test_tree import make

TRAIN = "section_00_source_train_normal_0000"
TREES = {
    "DCASE 2020": (
        "fan/train/normal_id_00_00000000.wav",
        "fan/test/normal_id_00_00000001.wav",
        "fan/test/anomaly_id_00_00000002.wav",
        "fan/test/id_01_00000003.wav",
    ),
    "DCASE 2021": (
        "fan/train/section_00_source_train_normal_0000_strength_1_ambient.wav",
        "fan/source_test/section_00_source_test_normal_0000.wav",
        "fan/target_test/section_03_target_test_0001.wav",
    ),
    "DCASE 2022": (
        *(f"fan/train/section_0{section}_source_train_normal_0000_m-n_W.wav" for section in range(6)),
        "fan/test/section_00_source_test_anomaly_0000_m-n_W.wav",
        "fan/test/section_03_0000.wav",
    ),
    "DCASE 2023 or later": (
        f"fan/train/{TRAIN}_m-n_W.wav",
        "fan/test/section_00_0000.wav",
        "fan/test_rename/section_00_source_test_anomaly_0000_m-n_W.wav",
    ),
    "DCASE 2024 or later": (f"fan/train/{TRAIN}_noAttribute.wav", "fan/test/section_00_0000.wav"),
    "DCASE 2025 or later": (
        f"fan/train/{TRAIN}_noAttribute.wav",
        "fan/test/section_00_0000.wav",
        "fan/supplemental/section_00_machine_0001_.wav",
        "fan/supplemental/section_00_noise_supplemental_normal_0000.wav",
    ),
    "MIMII": ("fan/id_00/normal/00000000.wav", "fan/id_00/abnormal/00000000.wav"),
}
ROOTS = ("", "data/", "7882613/", "zenodo_7882613/eval_data/", "dev_data/raw/", "dev_data_fan/", "my recordings/dev/")
ALL = [pytest.param(kind, root, id=f"{kind} in {root or 'the root'}") for kind in TREES for root in ROOTS]


@pytest.mark.parametrize(("kind", "above"), ALL)
def test_layouts_under_any_root(tmp_path: Path, kind: str, above: str) -> None:
    found = scan(make(tmp_path, *(above + path for path in TREES[kind])))
    assert {clip.machine for clip in found} == {"fan"}
    assert not [clip for clip in found if clip.unparsed]
    layout = describe(tmp_path, found)
    assert layout.machines[0].looks_like.startswith(kind)
    said = {folder.path: folder.taken_for for folder in layout.folders}
    assert said[f"{above}fan"] == "machine fan"
    assert [path for path, text in said.items() if text.startswith("machine ")] == [f"{above}fan"]
    for word, text in {
        "train": "training clips",
        "test": "test clips",
        "source_test": "test clips of the source domain",
        "test_rename": "labelled copies of the test clips",
        "supplemental": "clean machine sound or noise alone",
        "id_00": "section 00",
    }.items():
        assert said.get(f"{above}fan/{word}", text) == text
    taken, _ = first_shot(tmp_path, found, "fan")
    assert {clip.condition for clip in taken.target} == {"normal"}
    assert not [clip for clip in taken.target if "test" in clip.path or "supplemental" in clip.path]


@pytest.mark.parametrize(
    ("folder", "machine"),
    [
        ("dev_bearing", "bearing"),
        ("dev_ToyCar_r2", "ToyCar"),
        ("eval_data_3DPrinter_train_r2", "3DPrinter"),
        ("eval_data_train_fan", "fan"),
        ("eval_data_Test_Rig", "Test_Rig"),
        ("device", "device"),
        ("evaporator", "evaporator"),
    ],
)
def test_a_folder_called_as_its_archive(tmp_path: Path, folder: str, machine: str) -> None:
    found = scan(make(tmp_path, f"{folder}/train/{TRAIN}.wav"))
    assert [clip.machine for clip in found] == [machine]
    assert describe(tmp_path, found).folders[1].taken_for == f"machine {machine}"


@pytest.mark.parametrize("snr", ["-6_dB_fan", "6_dB_fan", "0dB", "min6dB"])
def test_mimii_as_it_is_unpacked(tmp_path: Path, snr: str) -> None:
    (clip,) = scan(make(tmp_path, f"{snr}/fan/id_06/abnormal/00000001.wav"))
    assert (clip.machine, clip.section, clip.condition) == ("fan", "06", "anomaly")


def test_editions_side_by_side(tmp_path: Path) -> None:
    make(
        tmp_path,
        "data/dcase2023t2/dev_data/raw/ToyCar/train/section_00_source_train_normal_0000_car_B1.wav",
        "data/dcase2025t2/dev_data/raw/fan/train/section_00_source_train_normal_0000_n_A.wav",
        "data/dcase2025t2/dev_data/raw/fan/supplemental/section_00_noise_0001_.wav",
        "mine/x.wav",
    )
    layout = describe(tmp_path, scan(tmp_path))
    assert {machine.name: machine.looks_like for machine in layout.machines} == {
        "ToyCar": "DCASE 2023",
        "fan": "DCASE 2025",
        None: "recordings with names of their own",
    }
    assert layout.summary()[0] == "taken for DCASE 2023: ToyCar (1 clips)"
    taken = {folder.path: folder.taken_for for folder in layout.folders}
    assert taken["data/dcase2023t2"] == "a data set of DCASE 2023"
    assert taken["data/dcase2023t2/dev_data/raw"] == "part of a download"
    assert [folder.below for folder in layout.folders if folder.path in ("", "data", "mine")] == [4, 3, 1]
    tree = "\n".join(layout.tree())
    assert "machine ToyCar" in tree
    assert "(1 names not understood)" in tree


@pytest.mark.parametrize(
    "paths",
    [
        ("fan/section_00/train/{}", "fan/section_01/train/{}"),
        ("fan/source/train/{}", "fan/target/train/{}"),
        ("fan/train/source/{}", "fan/train/target/{}"),
        ("training/fan/{}", "train/fan/source/{}"),
        ("fan/training/{}", "fan/training/section_00/{}"),
    ],
)
def test_folders_that_name_no_machine(tmp_path: Path, paths: tuple[str, ...]) -> None:
    found = scan(make(tmp_path, *(path.format(f"{TRAIN}_noattribute.wav") for path in paths)))
    assert {(clip.machine, clip.split, clip.attributes) for clip in found} == {("fan", "train", ())}
    layout = describe(tmp_path, found)
    said = [folder.taken_for for folder in layout.folders]
    domains = {folder.taken_for for folder in layout.folders if folder.path.endswith(("source", "target"))}
    assert domains <= {"no machine; names, or --pattern, say a clip's domain"}
    assert not [text for text in said if text.startswith("machine ") and text != "machine fan"]


def test_one_machine_of_several_data_sets(tmp_path: Path) -> None:
    for year in (2022, 2024):
        make(tmp_path, f"dcase{year}t2/dev_data/raw/fan/train/{TRAIN}.wav")
    found = scan(tmp_path)
    kinds = [(machine.name, machine.looks_like, machine.clips) for machine in describe(tmp_path, found).machines]
    assert kinds == [("fan", "DCASE 2022", 1), ("fan", "DCASE 2024", 1)]
    taken, aside = first_shot(tmp_path, found, "fan")
    assert len(taken.target) == 2
    assert aside.sets == (("DCASE 2022", 1), ("DCASE 2024", 1))
    assert "clips of 2 data sets are taken for one machine: DCASE 2022 (1), DCASE 2024 (1)" in aside.lines()[-1]


def test_one_machine_at_several_levels_of_noise(tmp_path: Path) -> None:
    make(tmp_path, *(f"{level}_dB_fan/fan/id_0{at}/normal/00000000.wav" for level in (-6, 0) for at in (0, 2)))
    _, aside = first_shot(tmp_path, scan(tmp_path), "fan")
    assert aside.sets == (("-6_dB_fan", 2), ("0_dB_fan", 2))


def test_development_and_additional_training_clips_are_one_data_set(tmp_path: Path) -> None:
    raw = "dcase2021t2/{}/raw/fan/train/section_0{}_source_train_normal_0000.wav"
    make(tmp_path, raw.format("dev_data", 0), raw.format("eval_data", 3))
    assert first_shot(tmp_path, scan(tmp_path), "fan")[1].sets == ()


def test_where_nothing_fits_both_trees_are_shown(tmp_path: Path) -> None:
    make(tmp_path, *(f"Healthy/M{i}/1650.wav" for i in range(20)))
    layout = describe(tmp_path, scan(tmp_path))
    assert not layout.fits
    lines = layout.summary()
    assert "<machine>/train/" in lines[2]
    assert "Healthy/" in lines[3]
    assert lines[-1].endswith("more folders")
    assert describe(tmp_path, scan(make(tmp_path, "fan/test/1.wav"))).fits


def test_a_tree_of_many_folders_is_cut(tmp_path: Path) -> None:
    found = [Clip(path=f"f{i:04d}/x.wav") for i in range(1000)]
    assert describe(tmp_path, found).tree()[-1] == "and 801 more folders"


def test_what_is_printed_is_printable(tmp_path: Path) -> None:
    found = scan(make(tmp_path, f"a\nb\x1b[31m/train/{TRAIN}.wav", "\udcff/x.wav"))
    layout = describe(tmp_path, found)
    assert all(line.isprintable() for line in (*layout.tree(), *layout.summary(), *layout.beside()))
