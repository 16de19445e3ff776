"""Test clips are found under any root, blind ones first, in the official order."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.evaluation.submission import Table, listing, rules_of


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def names(root: Path, year: int, **how: str) -> dict[Table, list[str]]:
    return {
        table: [clip.name for clip in clips] for table, clips in listing(root, rules_of(year), **how).tables.items()
    }


def test_2020_ids_beside_the_development_set(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "eval_data/fan/test/id_01_00000001.wav",
        "eval_data/fan/test/id_01_00000000.wav",
        "eval_data/fan/train/normal_id_01_00000000.wav",
        "dev_data/fan/test/anomaly_id_00_00000000.wav",
        "dev_data/pump/test/anomaly_id_00_00000000.wav",
    )
    found = listing(tmp_path, rules_of(2020))
    assert found.due == ("fan",)
    assert found.labelled == ("pump",)
    assert names(tmp_path, 2020)[Table("fan", "01")] == ["id_01_00000000.wav", "id_01_00000001.wav"]
    assert Table("fan", "00") not in found.tables


def test_2021_domains_and_the_baselines_merged_copies(tmp_path: Path) -> None:
    touch(
        tmp_path, "fan/source_test/section_03_source_test_0000.wav", "fan/target_test/section_03_target_test_0000.wav"
    )
    copy = tmp_path / "fan" / "test" / "section_03_source_test_0000.wav"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / "fan/source_test/section_03_source_test_0000.wav").read_bytes())
    assert names(tmp_path, 2021) == {
        Table("fan", "03", "source"): ["section_03_source_test_0000.wav"],
        Table("fan", "03", "target"): ["section_03_target_test_0000.wav"],
    }
    copy.write_bytes(b"another sound")
    with pytest.raises(GensupError, match="two test clips of one name"):
        names(tmp_path, 2021)


def test_renamed_copies_and_supplements_are_no_test_set(tmp_path: Path) -> None:
    raw = "data/dcase2025t2/eval_data/raw/ScrewFeeder"
    touch(
        tmp_path,
        f"{raw}/test/section_00_0000.wav",
        f"{raw}/test_rename/section_00_source_test_normal_0000_n_A.wav",
        f"{raw}/supplemental/section_00_noise_supplemental_normal_0000.wav",
        f"{raw}/train/section_00_source_train_normal_0000_n_A.wav",
    )
    assert names(tmp_path, 2025) == {Table("ScrewFeeder", "00"): ["section_00_0000.wav"]}


def test_a_machines_own_folder_and_flac(tmp_path: Path) -> None:
    touch(tmp_path, "test/section_00_0001.flac", "test/section_00_0000.flac")
    assert names(tmp_path / "test", 2024, machine="fan") == {
        Table("fan", "00"): ["section_00_0000.wav", "section_00_0001.wav"]
    }
    with pytest.raises(GensupError, match="a test clip of no machine"):
        names(tmp_path / "test", 2024)


@pytest.mark.parametrize(
    ("path", "year", "said"),
    [
        ("fan/train/section_00_source_train_normal_0000.wav", 2024, "no test clips here"),
        ("fan/test/id_01_00000000.wav", 2024, "not a test clip's name of this year"),
        ("fan/test/section_00_0000.wav", 2020, "not a test clip's name of this year"),
        ("my_fan/test/section_00_0000.wav", 2024, "a machine type that no evaluator reads"),
    ],
)
def test_what_is_refused(path: str, year: int, said: str, tmp_path: Path) -> None:
    touch(tmp_path, path)
    with pytest.raises(GensupError, match=said):
        names(tmp_path, year)
