"""File and clip names of every year."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.evaluation.submission.rules import KINDS, YEARS, Table, guessed, rules_of

NAMES = {
    2020: ("anomaly_score_ToyConveyor_id_04.csv", Table("ToyConveyor", "04"), "id_04_00000017"),
    2021: (
        "anomaly_score_fan_section_03_source_test.csv",
        Table("fan", "03", "source"),
        "section_03_source_test_0017",
    ),
    2022: ("anomaly_score_bearing_section_05_test.csv", Table("bearing", "05"), "section_05_0017"),
    2023: ("anomaly_score_Vacuum_section_00_test.csv", Table("Vacuum", "00"), "section_00_0017"),
    2024: ("anomaly_score_3DPrinter_section_00_test.csv", Table("3DPrinter", "00"), "section_00_0200"),
    2025: ("anomaly_score_CoffeeGrinder_section_00_test.csv", Table("CoffeeGrinder", "00"), "section_00_0017"),
    2026: ("anomaly_score_Sander_section_00_test.csv", Table("Sander", "00"), "section_00_0017"),
}


@pytest.mark.parametrize("year", sorted(YEARS))
def test_each_year_calls_its_files_its_own_way(year: int) -> None:
    name, table, clip = NAMES[year]
    rules = rules_of(year)
    assert rules.file("anomaly_score", table) == name
    assert rules.read_file(name) == ("anomaly_score", table)
    assert rules.read_file(name.replace("anomaly_score", "decision_result")) == ("decision_result", table)
    assert rules.read_clip(clip) == (table.section, table.domain)
    assert rules.kinds == (KINDS if year > 2020 else KINDS[:1])


@pytest.mark.parametrize(
    "name",
    [
        "anomaly_score_DCASE2024T2fan_section_00_test_seed13711_id(0_)_Eval.csv",
        "anomaly_score_my_fan_section_00_test.csv",
        "anomaly_score_fan_section_0_test.csv",
        "Anomaly_score_fan_section_00_test.csv",
        "anomaly_score_fan_section_00_test.CSV",
    ],
)
def test_what_no_evaluator_opens(name: str) -> None:
    assert all(rules.read_file(name) is None for rules in YEARS.values())


def test_names_say_the_year_as_far_as_they_can() -> None:
    assert guessed([NAMES[2020][0]]).year == 2020
    assert guessed([NAMES[2021][0]]).year == 2021
    assert guessed([NAMES[2023][0], "notes.txt"]).names == "section"
    with pytest.raises(GensupError, match="no score files of any year"):
        guessed(["scores.csv"])


def test_there_was_no_such_challenge() -> None:
    with pytest.raises(GensupError, match="2019"):
        rules_of(2019)
