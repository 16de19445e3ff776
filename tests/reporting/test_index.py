"""The page above the runs of several machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.reporting import write_index
from tests.reporting.fake_run import Wanted, fake_run
from tests.reporting.test_report import Page


def test_a_row_a_machine_with_the_way_to_its_report(tmp_path: Path) -> None:
    fan = fake_run(tmp_path / "fan # 2: 100%", Wanted(machine="fan", twins=False, suspects=(("a.wav", 9.0),)))
    pump = fake_run(tmp_path / "pump", Wanted(machine="pump", twins=False, taint={"none": 0.9}))
    page = write_index(tmp_path, {"pump": pump, "fan": fan}, {"valve": "too few <b>clips</b>"})
    assert page == tmp_path / "index.html"
    read = Page(page)
    assert [link["href"] for link in read.every("a")] == [
        "./fan%20%23%202%3A%20100%25/report.html",
        "./pump/report.html",
    ]
    for run in (fan, pump):
        assert json.loads((run / "run.json").read_text())["verdict"]["sentence"] in read.text
    assert "fan select the mean of the 2 best candidates" in read.text
    assert "pump default tainted the published default" in read.text
    assert "valve not finished too few <b>clips</b>" in read.text
    assert "3 machines" in read.text
    assert not [tag for tag, _ in read.elements if tag in {"b", "script", "img", "link"}]
    assert len(read.every("table")) == len(read.every("caption")) == 1


def test_the_same_runs_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    runs = {name: fake_run(tmp_path / name, Wanted(machine=name, twins=False, pairs=2)) for name in ("b", "a")}
    once = write_index(tmp_path, runs, {"d": "no", "c": "no"}).read_bytes()
    assert write_index(tmp_path, dict(sorted(runs.items())), {"c": "no", "d": "no"}).read_bytes() == once


def test_a_run_without_a_verdict_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no run here"):
        write_index(tmp_path, {"fan": tmp_path / "fan"})
