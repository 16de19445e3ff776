"""gensup caption with a limit, gensup faults of a machine nobody listed: what goes to stdout, and what to stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gensup.cli.app import app
from gensup.errors import GensupError


@pytest.fixture
def names(tmp_path: Path) -> Path:
    file = tmp_path / "names.txt"
    file.write_text(
        "fan/train/section_00_source_train_normal_0000_m-n_W.wav\n"
        "ToyCar/train/section_00_source_train_normal_0000_car_A1_spd_28V_mic_1.wav\n"
    )
    return file


def said(*words: object) -> tuple[list[str], str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, GensupError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines(), done.stderr


def test_a_limit_that_holds(names: Path) -> None:
    lines, complaint = said("caption", "--names", names, "--limit", "clap", "--json")
    rows = [json.loads(line) for line in lines]
    assert [(row["exact"], row["cut"]) for row in rows] == [(False, False)] * 2
    assert all(len(row["caption"].split()) < row["tokens"] <= 77 for row in rows)
    assert complaint == ""


def test_over_the_limit(names: Path) -> None:
    with pytest.raises(GensupError, match="--limit: 1 of 2 captions may be over the limit"):
        said("caption", "--names", names, "--limit", 30)
    lines, complaint = said("caption", "--names", names, "--limit", 30, "--truncate")
    assert lines[0].endswith("of a fan with noise condition W.")
    assert lines[1].endswith("of a toy car with model A1 and speed 28V, recorded by")
    assert complaint == "cut to the limit: 1 of 2 captions\n"
    with pytest.raises(GensupError, match="--truncate: nothing to cut to"):
        said("caption", "--names", names, "--truncate")


def test_faults_of_a_machine_that_is_not_listed(tmp_path: Path) -> None:
    generic, complaint = said("faults", "--machine", "nonsense")
    assert complaint == "machines.yaml does not list 'nonsense': no family but the generic ones\n"
    assert len(generic) > 8
    assert said("faults", "--machine", "Valve Emu")[1] == said("faults")[1] == ""
    (tmp_path / "faults.yaml").write_text(
        "own: {machines: [nonsense], mechanism: m, fault: f, fault_source: s, signature_source: guessed, words: w}\n"
    )
    lines, complaint = said("faults", "--machine", "nonsense", "--prompts", tmp_path)
    assert (len(lines), complaint) == (len(generic) + 1, "")
