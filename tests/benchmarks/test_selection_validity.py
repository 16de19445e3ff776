"""The command: two small rendered cases from recordings to the page, and the page's arithmetic."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rendered import CASES
from benchmarks.selection_validity import QUICK, main
from benchmarks.validity.records import Outcome, Wrong
from benchmarks.validity.results import CHOICES, as_csv, as_markdown

WITHHELD = {f"ShortRail/{failure.name}": failure.like for failure in CASES["ShortRail"].failures}


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--workers", "1", "--out", str(tmp_path)])
    with (tmp_path / "selection_validity.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["set"] for row in rows} == set(QUICK)
    for row in rows:
        assert row["n small"] == "1"
        assert row["withheld"].split() == list(WITHHELD[row["set"]])
        assert 0 < float(row["random"]) <= float(row["in-sample oracle"]) <= 1
    page = (tmp_path / "selection_validity.md").read_text(encoding="utf-8")
    assert "n small" in page
    assert "2 sets of 1 machine" in page
    assert (tmp_path / "selection_validity.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "2 sets" in capsys.readouterr().out


def test_no_such_set(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing is called so", "--out", str(tmp_path)])


def outcome(case: str, machine: str, answer: float, default: float, wrong: Wrong | None = None) -> Outcome:
    levels = {"answer": answer, "default": default, "random": 0.5, "cross-fit oracle": 0.8, "in-sample oracle": 0.9}
    wobble = np.linspace(-0.01, 0.01, 10)
    return Outcome(
        case=case,
        machine=machine,
        kind="rendered",
        seen=False,
        small=False,
        normals=9,
        test_normals=30,
        test_anomalies=30,
        candidates=4,
        withheld=("rattle",),
        voters=9,
        mechanisms=5,
        answer="select",
        scores={name: np.full(10, level) + (wobble if name == "answer" else 0) for name, level in levels.items()},
        spearman={"Borda": 0.5},
        wrong={} if wrong is None else {"wrong 1": wrong},
    )


def test_the_page_counts_machines_and_names_violations() -> None:
    bad = Wrong(mechanisms=1, families=2, agreement=-0.5, answer="hedge", gain=-0.03)
    fine = Wrong(mechanisms=1, families=2, agreement=-0.1, answer="hedge", gain=-0.01)
    outcomes = [
        outcome("a/one", "a", 0.7, 0.6, bad),
        outcome("a/two", "a", 0.8, 0.6, fine),
        outcome("b/one", "b", 0.5, 0.6),
    ]
    page = as_markdown(outcomes, "figure.svg", "command")
    (line,) = (line for line in page.splitlines() if line.startswith("| answer |"))
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    assert cells[0] == "0.667"
    # Means of the machines differ by .15 + .1 from each other: standard error .125.
    assert cells[2] == "+0.067 ± 0.125"
    assert cells[4] == f"{0.5 / 1.2:.2f}"  # (.2 + .3 + 0) / (3 × .4)
    assert cells[5] == "1"
    assert "Violations: 1. a/one (wrong 1: hedge, -0.030, agreement -0.50)." in page
    assert re.search(r"3 sets of 2 machines", page)
    rows = list(csv.DictReader(as_csv(outcomes).splitlines()))
    assert [row["set"] for row in rows] == ["a/one", "a/two", "b/one"]
    assert set(CHOICES) <= set(rows[0])
    assert rows[0]["answer - default"] == "0.1000"
    assert rows[2]["wrong 1: over random"] == ""
