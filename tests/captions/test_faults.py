"""Fault rows: read, checked, and found for a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.captions import fault_rows, faults_for
from gensup.errors import GensupError

ROW = "{machines: [lathe], mechanism: noise-added, fault: f, fault_source: s, signature_source: guessed, words: w}"


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    (tmp_path / "machines.yaml").write_text("lathe: {noun: lathe, aliases: [turner]}\n")
    (tmp_path / "faults.yaml").write_text(
        "any-hum: {mechanism: envelope, fault: f, fault_source: s, signature_source: generic, words: humming}\n"
        f"lathe-hiss: {ROW}\n"
        "two: {machines: [latheEmu, saw], mechanism: m, fault: f, fault_source: s, signature_source: cited, words: w,\n"
        "  seen: true, parameters: {low_hz: 1000, timing: drawn, rate_hz: [1, 2.5]}}\n"
    )
    return tmp_path


def own(machine: str, overlay: Path) -> list[str]:
    return [row.name for row in faults_for(machine, overlay) if row.machines]


def test_rows_as_written(overlay: Path) -> None:
    row = fault_rows(overlay)["two"]
    assert (row.name, row.machines, row.seen, row.signature_source) == ("two", ("latheEmu", "saw"), True, "cited")
    assert row.parameters == {"low_hz": 1000, "timing": "drawn", "rate_hz": [1, 2.5]}


def test_own_rows_come_first_then_those_of_any_machine(overlay: Path) -> None:
    for machine in ("lathe", "turner", "latheEmu", "Lathe"):
        assert own(machine, overlay) == ["lathe-hiss", "two"]
    assert own("saw", overlay) == ["two"]
    found = faults_for("saw", overlay)
    assert [bool(row.machines) for row in found] == sorted((bool(row.machines) for row in found), reverse=True)


def test_a_machine_that_nobody_listed_has_the_generic_ones(overlay: Path) -> None:
    generic = {name for name, row in fault_rows(overlay).items() if not row.machines}
    assert "any-hum" in generic
    assert {row.name for row in faults_for("ToyFerrisWheel", overlay)} == generic
    assert {row.name for row in faults_for(None, overlay)} == generic


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("guessed", "certain"), r"faults\.yaml: x\.signature_source"),
        (ROW.replace("words: w", "word: w"), r"faults\.yaml: x\.(word|words)"),
        (ROW.replace("[lathe]", "lathe"), r"faults\.yaml: x\.machines"),
        (ROW.replace("words: w", "words: w, parameters: [1]"), r"faults\.yaml: x\.parameters"),
    ],
)
def test_rows_that_are_refused(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "faults.yaml").write_text(f"x: {row}\n")
    with pytest.raises(GensupError, match=message):
        fault_rows(tmp_path)


def test_what_is_shipped_names_listed_machines() -> None:
    from gensup.captions.machines import listed_name

    assert [m for row in fault_rows().values() for m in row.machines if listed_name(m) is None] == []
    assert all(row.words == " ".join(row.words.split()) != "" for row in fault_rows().values())
