"""The evaluator's fields as JSON, its CSV, and what a person reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from gensup.evaluation import printed
from gensup.evaluation.conventions import conventions
from gensup.evaluation.official import Official, evaluate
from gensup.evaluation.teams import read_team
from gensup.evaluation.truth import read_truth
from tests.evaluation.challenge import Challenge, clips, drawn, write


def scored(folder: Path, year: int, challenge: Challenge | None = None) -> Official:
    truth, team = write(folder, year, challenge or drawn(("fan", "pump"), ("03", "04"), seed=year))
    rules = conventions(year)
    return evaluate(read_team(team, read_truth(truth, rules), rules), rules, as_published=True)


@pytest.mark.parametrize("year", [2020, 2021, 2022, 2023, 2024, 2025])
def test_the_fields_of_the_evaluator(tmp_path: Path, year: int) -> None:
    fields = json.loads(json.dumps(printed.as_json(scored(tmp_path, year)), allow_nan=False))
    official = {"official score": 2021, "official score ci95": 2022}
    for name, since in official.items():
        assert (name in fields) == (year >= since)
    assert list(fields)[:3] == ["team", "machines", "summary"]
    assert fields["team"] == "someone"
    assert [len(rows) for rows in fields["machines"]["fan"].values()] == [2 if year == 2021 else 1] * 2
    assert list(fields["summary"]) == ["fan", "pump", *(["ALL"] if year > 2020 else [])]
    assert [len(values) for values in fields["summary"]["fan"].values()] == ([2] if year == 2020 else [5] * 4)
    assert fields["year"] == year
    assert fields["as published"] is True
    assert all(quirk["what"] for quirk in fields["quirks"])
    assert set(fields["mAUC"]["fan"]) == set(fields["mAUC arithmetic mean"])


@pytest.mark.parametrize("year", [2020, 2021, 2022])
def test_the_csv_says_the_same(tmp_path: Path, year: int) -> None:
    found = scored(tmp_path, year)
    rows = list(csv.reader(printed.as_csv(found).splitlines()))
    assert rows[0] == ["fan"]
    assert (
        rows[1]
        == {
            2020: ["id", "AUC", "pAUC"],
            2021: ["section", "domain", "AUC", "pAUC", "precision", "recall", "F1 score"],
            2022: ["section", *found.machines["fan"]["03"][0]],
        }[year]
    )
    if year == 2021:
        assert [row[:2] for row in rows[2:6]] == [
            ["03", "source"], ["04", "source"], ["03", "target"], ["04", "target"],
        ]  # fmt: skip
    for mean, values in found.summary["pump"].items():
        (row,) = [row for row in rows[rows.index(["pump"]) :] if row and row[0] == mean]
        assert [float(cell) for cell in row[-len(values) :]] == list(values)
    if year > 2020:
        assert ["official score", "", str(found.official)] in rows


def test_what_is_not_defined(tmp_path: Path) -> None:
    found = scored(tmp_path, 2024, {("fan", "00"): clips("nn", "nn", [1.0, 2.0, 3.0, 4.0], "0101")})
    fields = printed.as_json(found)
    assert fields["official score"] is None
    assert fields["official score ci95"] is None
    assert "official score,,nan" in printed.as_csv(found)
    said = printed.lines(found)
    assert "official score: –" in said
    assert any("AUC (source) of fan 00 is not defined" in line for line in said)
    assert any("more, see --json" in line for line in said)
    assert "0.5" not in json.dumps({name: fields[name] for name in ("machines", "summary", "mAUC")})


def test_what_a_person_reads(tmp_path: Path) -> None:
    found = scored(tmp_path, 2022)
    header, rows = printed.table(found)
    assert header[:4] == ("machine", "section", "AUC (all)", "AUC (source)")
    assert len(rows) == 4
    assert {len(row) for row in rows} == {len(header)}
    header, rows = printed.means(found)
    assert len(rows) == 3 * 4
    assert rows[-1][:2] == ("ALL", "target harmonic mean")
    said = printed.lines(found)
    assert any(line.startswith("mAUC (all), the worst section of each machine: ") for line in said)
    assert any(line.startswith("quirk of the evaluator, followed: source and target") for line in said)
