"""Which clips the overfitting is shown on, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.finetuning import EACH, Answers, found, table
from gensup.errors import GensupError
from tests.support import sounds


def test_eight_clips_whose_folders_say_their_condition(tmp_path: Path) -> None:
    for condition in ("normal", "abnormal"):
        for i in range(EACH + 1):
            sounds.write(tmp_path / "id_00" / condition / f"{i:08d}.wav", sounds.hum(i + 100 * len(condition)))
    clips = found(tmp_path, "fan")
    assert [clip.condition for clip in clips] == ["normal"] * EACH + ["anomaly"] * EACH
    assert len({clip.key for clip in clips}) == 2 * EACH
    for path in list((tmp_path / "id_00" / "abnormal").iterdir())[:2]:
        path.unlink()
    with pytest.raises(GensupError, match=r"too few clips.*3 anomaly"):
        found(tmp_path, "fan")


def test_a_table_says_before_and_after() -> None:
    said = table(
        Answers(loss=1.0, normal=0.9, anomaly=0.8, auc=None), Answers(loss=0.1, normal=0.2, anomaly=0.3, auc=0.95)
    )
    assert "| 1.000 | 0.100 | 10.0 × less |" in said
    assert "| - | 0.95 |" in said
