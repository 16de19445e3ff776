"""Ground truth: every layout, any machine and section, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.evaluation.conventions import conventions
from gensup.evaluation.truth import read_truth
from tests.evaluation.challenge import drawn, rows, write

FILE = "ground_truth_fan_section_00_test.csv"


def made(folder: Path, year: int = 2024) -> Path:
    return write(folder, year, drawn(("fan",), ("00",), seed=0, each=3))[0]


def test_any_machines_and_sections(tmp_path: Path) -> None:
    machines = ("3DPrinter", "Clothes_Dryer_section_9", "fan", "fanEmu", "zebra mill")
    truth, _ = write(tmp_path, 2022, drawn(machines, ("00", "07", "11"), seed=0))
    found = read_truth(truth, conventions(2022))
    assert found.machines == machines
    assert [sheet.section for sheet in found.sheets[:3]] == ["00", "07", "11"]
    assert found.sheets[0].target is not None
    assert found.sheets[0].target.sum() == len(found.sheets[0].clips) / 2


def test_2020_is_one_list(tmp_path: Path) -> None:
    truth, _ = write(tmp_path, 2020, drawn(("valve", "ToyCar"), ("05", "01"), seed=0))
    found = read_truth(truth, conventions(2020))
    (truth / "eval_data_list.csv").rename(truth / "eval_data_list_2020.csv")
    assert read_truth(truth, conventions(2020)).machines == found.machines
    assert [(s.machine, s.section) for s in found.sheets] == [
        ("valve", "01"), ("valve", "05"), ("ToyCar", "01"), ("ToyCar", "05"),
    ]  # fmt: skip


def test_2021_has_a_file_for_each_domain(tmp_path: Path) -> None:
    found = read_truth(made(tmp_path, 2021), conventions(2021))
    assert [(s.domain, bool(s.target.all())) for s in found.sheets if s.target is not None] == [
        ("source", False), ("target", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "change", "what"),
    [
        ("ground_truth_data", lambda lines: [*lines, lines[0]], r"test\.csv:11: a clip twice"),
        ("ground_truth_data", lambda lines: [lines[0][:-1] + "2", *lines[1:]], r":1: the label is neither 0 nor 1"),
        ("ground_truth_data", lambda lines: lines[:-1], r":10: a clip without a label"),
        ("ground_truth_domain", lambda lines: lines[:-1], r":10: a clip without a domain"),
        ("ground_truth_domain", lambda lines: [*lines[:4], "x", *lines[4:]], r":5: 1 columns instead of 2"),
        ("ground_truth_domain", lambda lines: [*lines, lines[3]], r":9: a clip twice|:11: a clip twice"),
    ],
)
def test_wrong_rows(tmp_path: Path, file: str, change: Callable[[list[str]], list[str]], what: str) -> None:
    truth = made(tmp_path)
    path = truth / file / FILE
    lines = path.read_text().splitlines()
    while len(lines) > 10:
        lines.pop()
    assert len(lines) >= 8
    folder = truth / ("ground_truth_domain" if file == "ground_truth_data" else "ground_truth_data")
    for other in (path, folder / FILE):
        rows(other, other.read_text().splitlines()[:10])
    rows(path, change(path.read_text().splitlines()))
    with pytest.raises(GensupError, match=what.replace(":10:", r":\d+:").replace(":11:", r":\d+:")):
        read_truth(truth, conventions(2024))


def test_missing_files(tmp_path: Path) -> None:
    truth = made(tmp_path)
    (truth / "ground_truth_domain" / FILE).unlink()
    with pytest.raises(GensupError, match="no domains"):
        read_truth(truth, conventions(2024))
    with pytest.raises(GensupError, match=r"no ground truth.*ground_truth_data/ground_truth_<machine>_section"):
        read_truth(truth / "ground_truth_data", conventions(2024))
    with pytest.raises(GensupError, match=r"eval_data_list\.csv: no ground truth"):
        read_truth(truth, conventions(2020))
    with pytest.raises(GensupError, match="no such folder"):
        read_truth(truth / "nowhere", conventions(2024))


def test_another_years_ground_truth(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match=r"not the ground truth of 2021.*check --year"):
        read_truth(made(tmp_path / "a", 2022), conventions(2021))
    with pytest.raises(GensupError, match="not the ground truth of 2022"):
        read_truth(made(tmp_path / "b", 2021), conventions(2022))


def test_2021_needs_both_domains(tmp_path: Path) -> None:
    truth = made(tmp_path, 2021)
    (truth / "ground_truth_data" / "ground_truth_fan_section_00_target_test.csv").unlink()
    with pytest.raises(GensupError, match="no ground truth of the target domain"):
        read_truth(truth, conventions(2021))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["id_00_00000000.wav,x.wav,0"], ":1: a clip of no machine"),
        (["fan", "clip.wav,x.wav,0"], ":2: a clip of no id"),
        (["fan", "id_00_00000000.wav,0"], ":2: 2 columns instead of 1 or 3"),
        (["fan", "id_00_00000000.wav,x.wav,0", "id_00_00000000.wav,y.wav,0"], ":3: a clip twice"),
    ],
)
def test_wrong_lists(tmp_path: Path, lines: list[str], what: str) -> None:
    rows(tmp_path / "eval_data_list.csv", lines)
    with pytest.raises(GensupError, match=what):
        read_truth(tmp_path, conventions(2020))


@pytest.mark.parametrize("year", [2019, 2026])
def test_years_without_facts(year: int) -> None:
    with pytest.raises(GensupError, match=r"no official evaluator of this year is known.*2020 to 2025"):
        conventions(year)
