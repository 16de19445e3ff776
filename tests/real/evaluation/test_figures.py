"""The figures of real submissions, against what the official evaluators printed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from gensup.evaluation.figures import Labels, measure

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "dcase" / "golden"
TEAMS = sorted(
    folder for year in ("2022", "2023", "2024") for folder in GOLDEN.glob(f"{year}/teams/*/*") if folder.is_dir()
)
OFFICIAL = {"AUC (all)": "auc", "AUC (source)": "auc_source", "AUC (target)": "auc_target", "pAUC": "pauc"}


def column(path: Path) -> list[float]:
    """The values of name,value rows, in the evaluators' order."""
    with path.open(newline="") as file:
        return [float(row[1]) for row in sorted(csv.reader(file)) if row]


@pytest.mark.parametrize("team", TEAMS, ids=lambda team: f"{team.parents[2].name}-{team.name}")
def test_the_official_result(team: Path) -> None:
    year = team.parents[2]
    expected = json.loads((year / "expected" / f"{team.name}_result.json").read_text())["machines"]
    section: list[str] = []
    target: list[float] = []
    anomaly: list[float] = []
    scores: list[float] = []
    for truth in sorted((year / "ground_truth_data").iterdir()):
        place = truth.stem.removeprefix("ground_truth_").removesuffix("_test").replace("_section_", "/")
        (scored,) = team.glob(f"anomaly_score_{place.replace('/', '_section_')}_test*.csv")
        anomaly += column(truth)
        target += column(year / "ground_truth_domain" / truth.name)
        scores += column(scored)
        section += [place] * (len(anomaly) - len(section))
    labels = Labels(
        section=tuple(section), target_domain=tuple(map(bool, target)), anomaly=tuple(value == 1 for value in anomaly)
    )
    (found,) = measure(labels, np.array([scores]))
    assert sorted(found.sections) == sorted(f"{m}/{s}" for m, sections in expected.items() for s in sections)
    for place, figures in found.sections.items():
        machine, number = place.split("/")
        (row,) = expected[machine][number]
        for theirs, ours in OFFICIAL.items():
            assert getattr(figures, ours) == pytest.approx(row[theirs], abs=1e-12), place
    last = (year / "expected" / f"{team.name}_result.csv").read_text().split("official score,,")[1]
    assert found.overall.official == pytest.approx(float(last.split()[0]), rel=1e-12)
