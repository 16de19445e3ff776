"""gensup evaluate as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gensup
from gensup.cli.app import app
from gensup.errors import GensupError
from tests.evaluation.challenge import drawn, rows, write


def printed(*words: object) -> str:
    """What the command prints, run within this process."""
    done = CliRunner().invoke(app, ["evaluate", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_one_object(tmp_path: Path) -> None:
    truth, team = write(tmp_path, 2022, drawn(("fan",), ("03", "04", "05"), seed=0))
    words = "--year", 2022, "--truth", truth, "--team", team, "--json"
    published, right = (json.loads(printed(*words, *flag)) for flag in (["--as-published"], []))
    assert published["team"] == "someone"
    assert published["official score"] == right["official score"]
    mean = "source harmonic mean"
    assert published["summary"]["fan"][mean] != right["summary"]["fan"][mean]
    assert published["summary"]["ALL"] == right["summary"]["ALL"]
    same = gensup.evaluate(2022, truth, team)
    assert same["someone"].official == right["official score"]


def test_a_table_for_a_person_and_the_evaluators_file(tmp_path: Path) -> None:
    truth, team = write(tmp_path, 2020, drawn(("fan",), ("01",), seed=0))
    shown = printed("--year", 2020, "--truth", truth, "--team", team, "--out", tmp_path / "out")
    lines = shown.splitlines()
    assert lines[0] == "someone, DCASE 2020 Task 2, quirks put right"
    assert ["machine", "id", "AUC", "pAUC"] in [line.split() for line in lines]
    assert (tmp_path / "out" / "result_someone.csv").read_text().startswith("fan\nid,AUC,pAUC\n01,")


def test_several_systems_are_one_object(tmp_path: Path) -> None:
    challenge = drawn(("fan",), ("00",), seed=0)
    for name in ("a", "b"):
        truth, team = write(tmp_path, 2024, challenge, team=f"lab/{name}")
    found = json.loads(printed("--year", 2024, "--truth", truth, "--team", team.parent, "--json"))
    assert list(found["systems"]) == ["a", "b"]
    shown = printed("--year", 2024, "--truth", truth, "--team", team.parent)
    assert ["system", "official", "score"] in [line.split() for line in shown.splitlines()]


def test_a_system_that_lacks_a_file_is_passed_over(tmp_path: Path) -> None:
    challenge = drawn(("fan",), ("00",), seed=0)
    for name in ("a", "b"):
        truth, team = write(tmp_path, 2024, challenge, team=f"lab/{name}")
    (team / "decision_result_fan_section_00_test.csv").unlink()
    words = ["evaluate", "--year", "2024", "--truth", str(truth), "--team", str(team.parent), "--json"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, list(json.loads(done.stdout)["systems"])) == (2, ["a"])
    assert done.stderr.startswith(f"gensup: passed over b: {team}: a file is missing")
    with pytest.raises(GensupError, match="a file is missing"):
        gensup.evaluate(2024, truth, team.parent)


def test_two_systems_of_one_name_write_no_result(tmp_path: Path) -> None:
    challenge = drawn(("fan",), ("00",), seed=0)
    for name in ("x/one", "y/one"):
        truth, team = write(tmp_path, 2024, challenge, team=name)
    with pytest.raises(GensupError, match="two systems of one name"):
        gensup.evaluate(2024, truth, team.parent.parent, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    truth, team = write(tmp_path, 2024, drawn(("fan",), ("00",), seed=0))
    path = team / "anomaly_score_fan_section_00_test.csv"
    rows(path, ["file,score", *path.read_text().splitlines()])
    command = [sys.executable, "-m", "gensup", "evaluate", "--year", "2024", "--truth", truth, "--team", team]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gensup: {path}:1: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_year_without_an_evaluator(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no official evaluator of this year is known"):
        gensup.evaluate(2026, tmp_path, tmp_path)
