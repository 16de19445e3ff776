"""What machines are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.captions.machines import article, base_name, listed_name, noun
from gensup.errors import GensupError


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ("ToyCar", "toy car"),
        ("grinder", "grinding machine"),
        ("Grinder", "grinding machine"),
        ("slider", "slide rail"),
        ("valveEmu", "valve"),
        ("3DPrinter", "3D printer"),
        ("ToyNscale", "N scale toy train"),
        ("FAN", "fan"),
        (None, "machine"),
        # machines that nobody listed
        ("ToyFerrisWheel", "toy ferris wheel"),
        ("ToyFerrisWheelEmu", "toy ferris wheel"),
        ("4DPrinter", "4D printer"),
        ("LEDLamp", "LED lamp"),
        ("air-pump_2", "air pump 2"),
        ("M4", "M4"),
        ("Bohr\nmaschine", "bohr maschine"),
        ("Fräse", "fräse"),
        ("{{ x }}", "x"),
        ("%", "machine"),
        ("Emu", "emu"),
    ],
)
def test_nouns(machine: str | None, words: str) -> None:
    assert noun(machine) == words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("toy car", "a"),
        ("air compressor", "an"),
        ("automatic trash can", "an"),
        ("N scale toy train", "an"),
        ("3D printer", "a"),
        ("8D printer", "an"),
        ("11 kW motor", "an"),
        ("LED lamp", "an"),
        ("UV lamp", "a"),
        ("unit", "a"),
        ("umbrella", "an"),
        ("universal mill", "a"),
        ("hourglass", "an"),
        ("one-armed robot", "a"),
        ("european mill", "a"),
        ("", "a"),
    ],
)
def test_articles(words: str, expected: str) -> None:
    assert article(words) == expected


def test_names_for_one_machine() -> None:
    assert [
        base_name(name) for name in ("valveEmu", "Grinder", "slide_rail", "ToyCar", "lathe", "latheEmu", "Emu")
    ] == [
        "valve",
        "grinder",
        "slider",
        "ToyCar",
        "lathe",
        "lathe",
        "Emu",
    ]


def test_case_decides_where_both_are_listed(tmp_path: Path) -> None:
    (tmp_path / "machines.yaml").write_text("Press: {noun: printing press}\npress: {noun: oil press}\n")
    assert [noun(name, tmp_path) for name in ("Press", "press")] == ["printing press", "oil press"]
    assert listed_name("PRESS", tmp_path) is None


@pytest.mark.parametrize("row", ["{noun: a, same_as: absent}", "{noun: a, same_as: lathe}"])
def test_same_as_that_leads_nowhere(tmp_path: Path, row: str) -> None:
    (tmp_path / "machines.yaml").write_text(f"lathe: {row}\n")
    with pytest.raises(GensupError, match=r"machines\.yaml: lathe\.same_as"):
        base_name("lathe", tmp_path)
