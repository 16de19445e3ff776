"""Which clips the picture of the neighbourhood holds."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest

from gensup.engine import Inline
from gensup.selection.utility import judge
from gensup.steps import neighbourhood as step
from gensup.steps.synthetic import read_sets
from gensup.steps.table import exercise
from gensup.steps.tune import Tuning
from tests.steps.parts import heard


def test_normals_and_the_rung_that_is_read(tuned: Tuning, twins: Path) -> None:
    found = json.loads((tuned.out / "trials" / "neighbourhood.json").read_text())
    rows = {row["id"]: row for row in map(json.loads, (twins / "metadata.jsonl").read_text().splitlines())}
    assert found["roles"].count("normal") == 14
    assert sum(t for t, role in zip(found["target"], found["roles"], strict=True) if role == "normal") == 3
    assert np.isfinite(found["places"]).all()
    assert np.shape(found["places"]) == (len(found["clips"]), 2)
    families = tuned.verdict.families
    voting = {name for name, report in families.items() if report.weight > 0} or set(families)
    asked = [rows[c] for c, role in zip(found["clips"], found["roles"], strict=True) if role == "anomaly"]
    assert {row["family"] for row in asked} == voting
    for row in asked:
        rungs = {other["severity"] for other in rows.values() if other["family"] == row["family"]}
        read = families[row["family"]].severity
        away = {rung: abs(log(rung / read)) for rung in rungs}
        assert away[row["severity"]] == pytest.approx(min(away.values()))
    assert [found["mechanisms"][found["clips"].index(row["id"])] for row in asked] == [r["mechanism"] for r in asked]


def test_of_many_some_are_drawn_and_of_few_none(
    tuned: Tuning, data: Path, twins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exercised, judgements = exercise(heard(data, tmp_path / "x"), read_sets([twins], "fan"), 3), judge(tuned.table)

    def drawn(seed: int) -> list[str]:
        step.neighbourhood(Inline(), tmp_path, exercised, judgements, "fan", seed)
        return list(json.loads((tmp_path / "trials" / "neighbourhood.json").read_text())["clips"])

    monkeypatch.setattr(step, "MOST", {"normal": 6, "sham": 6, "anomaly": 7})
    assert len(drawn(0)) == 13
    assert drawn(0) == drawn(0) != drawn(1)
    (tmp_path / "trials" / "neighbourhood.json").unlink()
    unasked = replace(exercised, columns=exercised.columns[:6], clips=exercised.clips[:6])
    step.neighbourhood(Inline(), tmp_path, unasked, judgements, "fan", 0)
    assert not (tmp_path / "trials" / "neighbourhood.json").exists()
