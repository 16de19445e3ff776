"""Rows of captions: own condition, both conditions, one row a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.captions import CaptionRow, caption_rows, faults_for
from gensup.errors import GensupError
from gensup.metadata import parse

CLIPS = [
    parse("pump/train/section_00_source_train_normal_0000.wav"),
    parse("pump/test/section_00_source_test_anomaly_0001.wav"),
    parse("pump/test/section_00_0002.wav"),
]


def test_one_row_a_clip_in_its_own_condition() -> None:
    rows = list(caption_rows(CLIPS))
    assert [(row.path, row.condition, row.fault) for row in rows] == [
        (CLIPS[0].path, "normal", None),
        (CLIPS[1].path, "anomaly", None),
        (CLIPS[2].path, "normal", None),
    ]
    assert rows[1] == CaptionRow(CLIPS[1].path, "This is the anomaly sound of a pump.", "anomaly", None)


def test_paper_says_no_fault() -> None:
    assert [(row.condition, row.fault) for row in caption_rows(CLIPS[:1], condition="both")] == [
        ("normal", None),
        ("anomaly", None),
    ]
    assert [row.condition for row in caption_rows(CLIPS, condition="normal")] == ["normal"] * 3


@pytest.mark.parametrize("condition", ["anomaly", "both"])
def test_descriptive_has_a_row_for_every_fault(condition: str) -> None:
    rows = list(caption_rows(CLIPS[:1], condition=condition, style="descriptive"))  # type: ignore[arg-type]
    families = faults_for("pump")
    said = [row for row in rows if row.condition == "anomaly"]
    assert [row.fault for row in said] == [family.name for family in families]
    assert all(family.words in row.caption for row, family in zip(said, families, strict=True))
    assert len(rows) - len(said) == (condition == "both")


def test_a_style_of_ones_own_that_speaks_of_faults(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("{{ condition }} {{ fault }}")
    rows = list(caption_rows(CLIPS[:1], condition="anomaly", style="mine", overlay=tmp_path))
    assert len(rows) == len(faults_for("pump"))


def test_an_unknown_condition() -> None:
    with pytest.raises(GensupError, match="unknown condition"):
        list(caption_rows(CLIPS, condition="abnormal"))  # type: ignore[arg-type]
