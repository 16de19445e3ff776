"""Folders that are no finished run are named, each with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gensup.errors import GensupError
from gensup.reporting.run_folder import read_run_folder
from gensup.store import open_run
from tests.reporting.fake_run import Wanted, fake_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return fake_run(tmp_path / "run", Wanted(twins=False))


def test_a_run_is_read_as_it_was_written(run: Path) -> None:
    read = read_run_folder(run)
    assert read.clips is None
    assert read.held_out is not None
    assert read.held_out.threshold == 1.25
    assert read.config["machine"] == "blower"
    first = read.verdict.members[0]
    assert first == read.verdict.ranking[0][0]
    assert len(read.trials) == 10
    assert read.trials[first].varied.keys() == {"pooling.decay", "backend.n_components"}


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match=r"no run here.*gensup tune"):
        read_run_folder(tmp_path)


def test_no_verdict(tmp_path: Path) -> None:
    open_run(tmp_path / "set", {"command": "synthesize"})
    with pytest.raises(GensupError, match=r"no verdict yet.*run `gensup tune` first"):
        read_run_folder(tmp_path / "set")


def test_no_table(run: Path) -> None:
    (run / "trials" / "table.json").unlink()
    with pytest.raises(GensupError, match=r"table\.json: the run is not finished"):
        read_run_folder(run)


def _longer(table: dict[str, Any]) -> None:
    table["clips"].append("one more")


def _typed_wrong(table: dict[str, Any]) -> None:
    table["families"]["knock"]["auc"] = "high"


def _another_run(table: dict[str, Any]) -> None:
    for trial in table["trials"]:
        trial["id"] += "x"


def _no_trial(table: dict[str, Any]) -> None:
    table["trials"][0] = {"id": "only"}


def _newer(table: dict[str, Any]) -> None:
    table["schema"] = 999


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_longer, "its rows have different lengths"),
        (_typed_wrong, r"families\.knock\.auc"),
        (_another_run, "of different runs"),
        (_no_trial, r"trials\.0"),
        (_newer, "newer gensup"),
    ],
)
def test_a_damaged_table(run: Path, change: Callable[[dict[str, Any]], None], said: str) -> None:
    path = run / "trials" / "table.json"
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))
    with pytest.raises(GensupError, match=said):
        read_run_folder(run)


def test_a_damaged_neighbourhood_and_none(run: Path) -> None:
    path = run / "trials" / "neighbourhood.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"places": found["places"][1:]}))
    with pytest.raises(GensupError, match="its rows have different lengths"):
        read_run_folder(run)
    path.write_text(json.dumps(found | dict.fromkeys(("clips", "roles", "target", "mechanisms", "places"), ())))
    with pytest.raises(GensupError, match="it has no clips"):
        read_run_folder(run)
    path.unlink()
    assert read_run_folder(run).neighbourhood is None


def test_a_damaged_verdict(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    record["verdict"]["answer"] = "perhaps"
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(GensupError, match=r"run\.json: verdict: the record is damaged.*answer"):
        read_run_folder(run)
