"""Roles: of the target only normal training clips, whatever else lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import Aside, Normals, first_shot, labelled, parse, references

ROOT = Path("recordings")


def clips(*paths: str, under: tuple[str, ...] = ()) -> list[Clip]:
    return [parse(path, under=under) for path in paths]


def taken(*paths: str, machine: str = "fan", root: Path = ROOT) -> tuple[list[str], Aside]:
    normals, aside = first_shot(root, clips(*paths), machine)
    assert all(clip.machine == machine for clip in normals.target)
    return [clip.path for clip in normals.target], aside


def test_training_clips_of_a_dcase_tree() -> None:
    train = "fan/train/section_00_source_train_normal_0000_noAttribute.wav"
    target, aside = taken(
        train,
        "fan/test/section_00_source_test_normal_0000.wav",
        "fan/test/section_00_source_test_anomaly_0001.wav",
        "fan/test/section_00_0002.wav",
        "fan/supplemental/section_00_noise_0001_.wav",
        "fan/train/section_00_source_train_anomaly_0003.wav",
        "fan/section_00_source_normal_0004.wav",
        "fan/train/section_00_0005.wav",
        "pump/train/section_00_source_train_normal_0000.wav",
        "own_1.wav",
    )
    assert target == [train]
    assert dict(aside.counts) == {
        "anomalies": 1,
        "not in train": 1,
        "clips of other machines": 1,
        "supplemental": 1,
        "test clips": 3,
        "unlabelled": 2,
    }
    assert aside.assumed == 0
    assert "3 test clips" in aside.lines()[0]


def test_without_train_folders_the_normal_clips_outside_test_folders() -> None:
    target, aside = taken(
        "fan/id_00/normal/00000000.wav",
        "fan/id_00/abnormal/00000000.wav",
        "fan/id_00/00000001.wav",
        "fan/normal_id_00_00000002.wav",
        "fan/test/section_00_source_normal_0035.wav",
    )
    assert target == ["fan/id_00/normal/00000000.wav", "fan/normal_id_00_00000002.wav"]
    assert dict(aside.counts) == {"anomalies": 1, "test clips": 1, "unlabelled": 1}


def test_a_test_folder_given_as_root() -> None:
    with pytest.raises(GensupError, match=r"no normal training clip.*1 test clips"):
        first_shot(Path("fan/test"), clips("section_00_source_normal_0035.wav", under=("test",)), "fan")


def test_ones_own_recordings_are_taken_and_counted() -> None:
    target, aside = taken("monday/a.wav", "monday/b.wav", "test/c.wav")
    assert target == ["monday/a.wav", "monday/b.wav"]
    assert (dict(aside.counts), aside.assumed) == ({"test clips": 1}, 2)
    assert "2 clips taken as normal" in aside.lines()[-1]
    target, aside = taken("monday/a.wav", "fan/id_00/normal/00000000.wav")
    assert (target, dict(aside.counts)) == (["fan/id_00/normal/00000000.wav"], {"unlabelled": 1})
    target, aside = taken("fan/train/a.wav")
    assert (target, aside.assumed) == (["fan/train/a.wav"], 1)


def test_a_clip_without_a_machine_is_the_targets() -> None:
    normals, _ = first_shot(ROOT, clips("normal_id_00_00000000.wav"), "slider")
    assert normals.target[0].machine == "slider"


def test_another_machines_name() -> None:
    with pytest.raises(GensupError, match=r"unknown machine.*'Fan'.*did you mean fan"):
        taken("fan/train/section_00_source_train_normal_0000.wav", machine="Fan")


@pytest.mark.parametrize(
    "path",
    ["fan/test/section_00_0000.wav", "fan/train/id_00_00000000.wav", "fan/id_00/abnormal/00000000.wav"],
)
def test_nothing_to_take(path: str) -> None:
    with pytest.raises(GensupError, match="no normal training clip"):
        taken(path)


def test_reference_machines_bring_everything() -> None:
    found = clips(
        "fan/train/section_00_source_train_normal_0000.wav",
        "pump/train/section_00_source_train_normal_0000.wav",
        "pump/test/section_00_source_test_anomaly_0000.wav",
        "valve/train/section_00_source_train_normal_0000.wav",
    )
    normals, aside = first_shot(ROOT, found, "fan", reference=["pump"])
    assert [clip.machine for clip in normals.reference] == ["pump", "pump"]
    assert dict(aside.counts) == {"clips of other machines": 1}
    with pytest.raises(GensupError, match="target is no reference"):
        first_shot(ROOT, found, "fan", reference=["fan"])
    with pytest.raises(GensupError, match="did you mean pump"):
        first_shot(ROOT, found, "fan", reference=["pumps"])


def test_of_a_reference_only_what_says_its_condition() -> None:
    kept = [
        "pump/train/section_00_source_train_normal_0000.wav",
        "pump/test/section_00_target_test_anomaly_0001.wav",
        "pump/id_00/abnormal/00000002.wav",
    ]
    found = clips(
        "fan/train/section_00_source_train_normal_0000.wav",
        "fan/test/section_00_source_test_anomaly_0000.wav",
        *kept,
        "pump/test/section_00_0003.wav",
        "pump/train/own.wav",
        "pump/supplemental/section_00_noise_0004_.wav",
        "pump/train/abnormal/section_00_source_train_normal_0005.wav",
    )
    normals, aside = first_shot(ROOT, found, "fan", reference=["pump"])
    assert [clip.path for clip in normals.reference] == kept
    assert dict(aside.counts) == {
        "clips of references contradicted by a folder": 1,
        "supplemental clips of references": 1,
        "test clips": 1,
        "unlabelled clips of references": 2,
    }
    assert references(ROOT, found, ["pump"])[0] == normals.reference
    assert references(ROOT, found, ()) == ((), Aside())


def test_normals_reject_a_target_among_the_references() -> None:
    train, test = clips(
        "fan/train/section_00_source_train_normal_0000.wav", "fan/test/section_00_source_test_anomaly_0000.wav"
    )
    with pytest.raises(GensupError, match="a target's clip among the references"):
        Normals(ROOT, (train,), (test,))


@pytest.mark.parametrize("folder", ["fan/abnormal", "fan/test", "test"])
def test_a_name_that_its_folder_contradicts_is_left_aside(folder: str) -> None:
    good = "test/fan/train/section_00_source_train_normal_0001.wav"
    target, aside = taken(f"{folder}/section_00_source_train_normal_0003.wav", good)
    assert target == [good]
    assert dict(aside.counts) == {"contradicted by a folder": 1}


@pytest.mark.parametrize("path", ["fan/train/anomaly_id_00_00000000.wav", "fan/test/normal_id_00_00000000.wav"])
def test_normals_reject_what_is_none(path: str) -> None:
    with pytest.raises(GensupError, match="not a normal training clip"):
        Normals(ROOT, (parse(path),))


def test_labelled_clips_are_those_left_aside_that_say_a_condition() -> None:
    kept = [
        "fan/test/section_00_source_test_normal_0000.wav",
        "fan/test/section_00_source_test_anomaly_0001.wav",
        "fan/test_rename/section_00_target_anomaly_0002_spd_1.wav",
        "fan/section_00_source_normal_0003.wav",
        "fan/id_00/abnormal/00000004.wav",
    ]
    found = clips(
        *kept,
        "fan/train/section_00_source_train_normal_0000.wav",
        "fan/test/section_00_0005.wav",
        "fan/test/abnormal/section_00_source_test_normal_0006.wav",
        "fan/test/section_00_source_train_normal_0007.wav",
        "fan/supplemental/section_00_noise_0008_.wav",
        "fan/test/own.wav",
        "pump/test/section_00_source_test_anomaly_0000.wav",
    )
    asked = labelled(ROOT, found, "fan")
    assert [clip.path for clip in asked] == kept
    assert {clip.machine for clip in asked} == {"fan"}
    assert [clip.condition for clip in asked] == ["normal", "anomaly", "anomaly", "normal", "anomaly"]


FOLDERS = st.sampled_from(
    ["", "fan/", "fan/train/", "fan/test/", "test/", "fan/normal/", "fan/abnormal/", "fan/id_00/abnormal/"]
)
NAMES = st.sampled_from(
    [
        "rec_1",
        "00000000",
        "id_00_00000000",
        "anomaly_id_00_00000001",
        "section_00_0000",
        "section_00_source_anomaly_0001",
        "section_00_source_test_anomaly_0002",
        "section_00_source_train_normal_0003",
        "section_00_noise_supplemental_0004",
    ]
)


@given(st.lists(st.tuples(FOLDERS, NAMES), max_size=6, unique=True))
def test_no_anomaly_and_no_test_clip_is_ever_taken(parts: list[tuple[str, str]]) -> None:
    good = "fan/train/section_00_source_train_normal_0009.wav"
    target, _ = taken(good, *(f"{folder}{name}.wav" for folder, name in parts))
    assert good in target
    assert not [path for path in target if "anomaly" in path or "abnormal" in path]
    assert not [path for path in target if "_test_" in path or path.startswith("test/")]
    every = clips(good, *(f"{folder}{name}.wav" for folder, name in parts))
    assert not {clip.path for clip in labelled(ROOT, every, "fan")} & set(target)


@pytest.mark.parametrize("label", ["normal", "anomaly"])
def test_a_test_clips_label_decides_nothing(label: str) -> None:
    own = [f"rec{i}.wav" for i in range(4)]
    normals, aside = first_shot(Path("mine"), clips(*own, f"test/{label}_id_00_00000000.wav"), "fan")
    assert [clip.path for clip in normals.target] == own
    assert dict(aside.counts) == {"test clips": 1}
