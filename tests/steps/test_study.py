"""Trials on disk: what counts as done, what a continued run reads, and what is named when it is damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from gensup.errors import GensupError
from gensup.selection.records import Column, Trial
from gensup.steps.study import NOT_FINITE, Study

COLUMNS = tuple(
    Column(clip=f"c{i}", repeat=0, fold=i % 2, source=f"s{i}", target_domain=None, role="normal", chain="none")
    for i in range(4)
)


def trial(name: str, state: str = "complete", reason: str | None = None) -> Trial:
    return Trial(
        id=name,
        recipe="r",
        params={"backend.k": 1, "pooling.kind": "gwrp"},
        varied={"backend.k": 1},
        state=state,  # type: ignore[arg-type]
        parameters=7,
        reason=reason,
    )


def test_what_is_kept_is_what_is_read(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.begin(COLUMNS)
    rng = np.random.default_rng(0)
    rows = [(trial(name), rng.standard_normal(4)) for name in "cab"]
    kept = study.add_many([*rows, (trial("p", "pruned", "too big"), None), (trial("f", "failed", "no"), None)])
    read = study.read()
    assert list(read) == ["c", "a", "b", "p", "f"]
    for own, scores in kept:
        found, again = read[own.id]
        assert found == own
        if scores is None:
            assert again is None
        else:
            np.testing.assert_array_equal(again, scores)
            np.testing.assert_array_equal(scores, np.float32(scores))
    assert (read["p"][0].state, read["p"][0].reason) == ("pruned", "too big")
    assert read["f"][0].state == "failed"


def test_scores_that_are_not_finite_are_a_failure_with_its_reason(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for name, wrong in (("n", np.nan), ("i", np.inf), ("big", 1e39)):  # the last is infinite in single precision
        kept, scores = study.add(trial(name), np.array([0.0, wrong]))
        assert (kept.state, kept.reason, scores) == ("failed", NOT_FINITE, None)
        assert study.read()[name] == (kept, None)
        assert not study.scores(name).exists()
    with pytest.raises(ValueError, match="no scores"):
        study.add(trial("x"), None)


def test_many_trials_cost_one_fsync_of_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(tmp_path)
    study.add(trial("first"), np.zeros(2))
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())) or fsync(fd))
    study.add_many([(trial(f"t{i}"), np.zeros(2)) for i in range(5)])
    names = [Path(name).name for name in synced]
    assert names.count("journal.jsonl") == 1
    assert names[-1] == "journal.jsonl"  # every score row is on disk before
    assert sum(name.endswith(".tmp") for name in names) == 5


def test_a_second_table_has_its_own_folder(tmp_path: Path) -> None:
    first, second = Study(tmp_path), Study(tmp_path, "wanted")
    first.begin(COLUMNS)
    second.begin(COLUMNS[:2])
    first.add(trial("a"), np.zeros(4))
    second.add(trial("a"), np.ones(2))
    assert second.journal == tmp_path / "trials" / "wanted" / "journal.jsonl"
    assert [len(Study(tmp_path, part).read()["a"][1]) for part in ("", "wanted")] == [4, 2]  # type: ignore[arg-type]


def test_rows_of_other_clips_are_refused(tmp_path: Path) -> None:
    Study(tmp_path).begin(COLUMNS)
    Study(tmp_path).begin(COLUMNS)
    with pytest.raises(GensupError, match="score rows of other clips"):
        Study(tmp_path).begin(COLUMNS[:3])
    path = Study(tmp_path).columns
    path.write_text(path.read_text().replace('"c2"', '"c9"'))
    with pytest.raises(GensupError, match=r"columns\.json: altered"):
        Study(tmp_path).begin(COLUMNS)


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "foreign"])
def test_a_damaged_score_row_is_scored_again(tmp_path: Path, damage: str) -> None:
    study = Study(tmp_path)
    study.add_many([(trial("a"), np.arange(4.0)), (trial("b"), np.ones(4))])
    path = study.scores("a")
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        flipped = bytearray(data)
        flipped[-2] ^= 1
        path.write_bytes({"cut": data[:-3], "flipped": bytes(flipped), "foreign": b"no array"}[damage])
    assert list(study.read()) == ["b"]
    study.add(trial("a"), np.arange(4.0))
    assert path.read_bytes() == data
    study.finish()
    assert [json.loads(line)["id"] for line in study.journal.read_text().splitlines()] == ["a", "b"]


def test_the_order_in_which_trials_ended_is_no_result(tmp_path: Path) -> None:
    for folder, order in ((tmp_path / "x", "bca"), (tmp_path / "y", "abcb")):
        for name in order:
            Study(folder).add(trial(name), np.full(3, ord(name)))
        Study(folder).finish()
    assert Study(tmp_path / "x").journal.read_bytes() == Study(tmp_path / "y").journal.read_bytes()


def test_a_half_line_is_cut_and_a_damaged_one_named(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add_many([(trial(name), np.zeros(2)) for name in "abc"])
    whole = study.journal.read_bytes()
    study.journal.write_bytes(whole + whole[:30])
    assert list(study.read()) == ["a", "b", "c"]
    study.add(trial("d"), np.zeros(2))
    assert list(study.read()) == ["a", "b", "c", "d"]
    lines = study.journal.read_bytes().splitlines(keepends=True)
    for wrong in (lines[1][1:], lines[1].replace(b'"parameters":7', b'"parameters":8'), b"[]\n"):
        study.journal.write_bytes(lines[0] + wrong + lines[2] + lines[3])
        with pytest.raises(GensupError, match=r"journal\.jsonl, line 2: .*take the line out"):
            study.read()
    study.journal.write_bytes(lines[0] + lines[2] + lines[3])  # as the remedy says
    assert list(study.read()) == ["a", "c", "d"]
