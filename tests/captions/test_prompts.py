"""Rows of prompts/: checked, overlaid, read again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gensup.captions.machines import noun
from gensup.captions.prompts import attribute_rows, machine_rows
from gensup.errors import GensupError


def test_what_is_shipped_is_in_order() -> None:
    rows = machine_rows()
    assert all(row.same_as is None or row.same_as in rows for row in rows.values())
    assert all(row.noun.split()[0] not in ("a", "an", "the") for row in rows.values())
    for row in attribute_rows().values():
        for meaning in (row, *row.machines.values()):
            assert meaning.microphone or not meaning.phrase or meaning.phrase.count("{value}") == 1
            assert meaning.source, "where a meaning is read of is said of each"


def test_what_is_not_documented_is_said_neutrally() -> None:
    rows = {key: row.phrase for key, row in attribute_rows().items() if row.source == "not documented"}
    assert set(rows) == {"f-n", "m-n", "n-lv", "n", "pro", "fl", "nos", "vol", "grind", "res", "len"}
    assert set(rows.values()) <= {"noise condition {value}", "variant {value}"} | {
        f"{key} setting {{value}}" for key in rows
    }


def test_an_overlay_replaces_rows_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "machines.yaml"
    file.write_text("lathe: {noun: turning lathe}\n")
    assert (noun("lathe", tmp_path), noun("ToyCar", tmp_path)) == ("turning lathe", "toy car")
    file.write_text("lathe: {noun: wood lathe}\nToyCar: {noun: model car}\n")
    os.utime(file, ns=(1, 1))
    assert (noun("lathe", tmp_path), noun("ToyCar", tmp_path), noun("ToyCar")) == ("wood lathe", "model car", "toy car")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("machines.yaml", "lathe: {nuon: a}", r"machines\.yaml: lathe\."),
        ("machines.yaml", "lathe: {noun: 3}", r"machines\.yaml: lathe\.noun"),
        ("machines.yaml", "lathe: turning lathe", r"machines\.yaml: lathe:"),
        (
            "attributes.yaml",
            "vel: {phrase: a, machines: {fan: {frase: b}}}",
            r"attributes\.yaml: vel\.machines\.fan\.frase",
        ),
    ],
)
def test_rows_that_are_refused(tmp_path: Path, file: str, text: str, message: str) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(GensupError, match=message):
        (machine_rows if file == "machines.yaml" else attribute_rows)(tmp_path)
