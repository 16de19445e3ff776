"""Scores of candidates: the same whole or resumed, within a budget or not, and joined with what was asked later."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from gensup.detection.crossfit import Arrangement
from gensup.errors import GensupError
from gensup.selection.records import LEFT_OUT, Column, Question
from gensup.steps import scoring as module
from gensup.steps.budget import Deadline
from gensup.steps.scoring import comparable, joined
from gensup.steps.study import Row, Study
from gensup.steps.synthetic import Synthetic, read_sets
from gensup.steps.table import Exercise, conditions_left_out, exercise
from tests.selection.tables import asks, column, table, trial
from tests.steps.parts import Ticking, heard, scoring


@pytest.fixture(scope="module")
def asked(data: Path, twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    whole = read_sets([twins], "fan")
    # Two families are enough.
    families = sorted({clip.family for clip in whole.clips if clip.condition == "anomaly" and clip.family})[:2]
    clips = tuple(clip for clip in whole.clips if clip.condition == "normal" or clip.family in families)
    return exercise(heard(data, tmp_path_factory.mktemp("out")), Synthetic(clips, True, ()), 3)


@pytest.fixture(scope="module")
def whole(asked: Exercise, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """All candidates, in one go."""
    score = scoring(overlay)
    return score.rows(asked, Study(tmp_path_factory.mktemp("whole")), score.candidates.params)


def same(first: dict[str, Row], second: dict[str, Row]) -> None:
    assert set(first) == set(second)
    for name, (own, scores) in first.items():
        assert second[name][0] == own
        np.testing.assert_array_equal(second[name][1], scores)


def test_every_clip_is_scored_in_every_arrangement(asked: Exercise, whole: dict[str, Row]) -> None:
    complete = [scores for own, scores in whole.values() if own.state == "complete"]
    assert len(complete) == 6
    for scores in complete:
        assert scores is not None
        assert scores.shape == (len(asked.columns),)
        assert np.isfinite(scores).all()
    pruned = [own for own, scores in whole.values() if scores is None]
    assert {own.state for own in pruned} == {"pruned"}
    assert all("components need" in str(own.reason) for own in pruned)


def test_resumed_is_whole(asked: Exercise, whole: dict[str, Row], overlay: Path, tmp_path: Path) -> None:
    score, study = scoring(overlay), Study(tmp_path)
    names = sorted(score.candidates.params)
    first = score.rows(asked, study, names[1::2])
    assert set(first) == set(names[1::2])
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "trials" / "scores").iterdir()}
    same(score.rows(asked, study, names), whole)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nobody was scored again
    one = score.table(asked, score.rows(asked, Study(tmp_path), reversed(names)), {})
    other = score.table(asked, whole, {})
    assert one.trials == other.trials
    assert [own.id for own in one.trials] == sorted(own.id for own in one.trials)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.default == score.candidates.default


def test_before_the_first_candidate_the_budget_may_be_over(
    asked: Exercise, whole: dict[str, Row], overlay: Path, tmp_path: Path
) -> None:
    score = scoring(overlay, deadline=Deadline(0.0, lambda: 1.0))
    rows = score.rows(asked, Study(tmp_path), score.candidates.params)
    assert {own.state for own, _ in rows.values()} == {"pruned"}  # which costs nothing
    for scored in (rows, {}):
        with pytest.raises(GensupError, match="over before the first"):
            score.table(asked, scored, {})
    unfit = {name: row for name, row in whole.items() if row[1] is None}
    with pytest.raises(GensupError, match=r"no candidate was scored.*components need"):
        scoring(overlay).table(asked, unfit, {})


def test_a_budget_ends_between_groups_and_a_run_goes_on(
    asked: Exercise, whole: dict[str, Row], overlay: Path, tmp_path: Path
) -> None:
    # Over when it is looked at for the second time: after the first pooling's candidates.
    score = scoring(overlay, deadline=Deadline(2.0, Ticking()))
    rows = score.rows(asked, Study(tmp_path), score.candidates.params)
    complete = {name: row for name, row in rows.items() if row[1] is not None}
    assert len(complete) == 2
    same(complete, {name: whole[name] for name in complete})
    assert len({own.params["pooling.decay"] for own, _ in complete.values()}) == 1
    same(scoring(overlay).rows(asked, Study(tmp_path), score.candidates.params), whole)


def test_what_a_limit_forbids_is_pruned_with_the_reason(asked: Exercise, overlay: Path, tmp_path: Path) -> None:
    free = scoring(overlay).candidates
    score = scoring(overlay, forbidden={free.default: "too large"})
    rows = score.rows(asked, Study(tmp_path), score.candidates.params)
    own, scores = rows[free.default]
    assert (own.state, own.reason, scores) == ("pruned", "too large", None)
    scored = score.table(asked, rows, {})
    assert scored.default is None
    assert len(scored.trials) == 5


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE", 3)
    monkeypatch.setattr(module, "BATCH", 2)


@pytest.mark.usefixtures("small_steps")
def test_a_search_asks_the_same_and_may_be_resumed(
    asked: Exercise, whole: dict[str, Row], overlay: Path, tmp_path: Path
) -> None:
    score = scoring(overlay)
    first = score.searched(asked, Study(tmp_path / "a"), 7)
    assert len(first) == 7
    assert score.candidates.default in first
    same(first, {name: whole[name] for name in first})
    again = score.searched(asked, Study(tmp_path / "b"), 7)
    assert list(again) == list(first)
    # Killed after the probe, and continued.
    score.searched(asked, Study(tmp_path / "c"), 4)
    resumed = score.searched(asked, Study(tmp_path / "c"), 7)
    same(resumed, first)
    assert len((tmp_path / "c" / "trials" / "journal.jsonl").read_text().splitlines()) == 7


@pytest.mark.usefixtures("small_steps")
def test_a_search_ends_with_its_budget(asked: Exercise, overlay: Path, tmp_path: Path) -> None:
    score = scoring(overlay, deadline=Deadline(0.0, lambda: 1.0))
    assert not any(scores is not None for _, scores in score.searched(asked, Study(tmp_path / "none"), 6).values())
    longer = scoring(overlay, deadline=Deadline(4.0, Ticking()))
    some = longer.searched(asked, Study(tmp_path / "some"), 8)
    every = scoring(overlay).searched(asked, Study(tmp_path / "some"), 8)
    assert 0 < len(some) < len(every) == 8
    assert set(some) <= set(every)


def test_a_space_that_can_be_exhausted_is(
    asked: Exercise, whole: dict[str, Row], overlay: Path, tmp_path: Path
) -> None:
    same(scoring(overlay).searched(asked, Study(tmp_path), 9), whole)


def test_left_out_conditions_are_scored_by_models_that_never_heard_them(
    data: Path, overlay: Path, tmp_path: Path
) -> None:
    """Asking clips of a condition do not move when its other clips' sound does: those are fitted nowhere there."""
    aside = conditions_left_out(heard(data, tmp_path), 3)
    assert aside is not None
    score = scoring(overlay)
    wanted = [score.candidates.default]
    rows = score.rows(aside, Study(tmp_path / "a"), wanted)
    (condition, fold) = next(
        (clip.attributes, c.fold) for clip, c in zip(aside.clips, aside.columns, strict=True) if c.role == "anomaly"
    )
    mine = [i for i, clip in enumerate(aside.clips) if clip.attributes == condition]
    asking = [i for i in mine if aside.columns[i].role == "anomaly"]
    silent = [i for i in mine if i not in asking]
    assert silent
    # The others' sound replaced by that of a clip that asks.
    refs, keys = list(aside.refs), list(aside.keys)
    for i in silent:
        refs[i], keys[i] = refs[asking[0]], keys[asking[0]]
    swapped = dataclasses.replace(aside, refs=tuple(refs), keys=tuple(keys))
    again = score.rows(swapped, Study(tmp_path / "b"), wanted)
    (before,), (after,) = ([row[1] for row in found.values()] for found in (rows, again))
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before[asking], after[asking])
    elsewhere = [i for i, c in enumerate(aside.columns) if c.fold != fold]
    assert (before[elsewhere] != after[elsewhere]).any()


def exercised(columns: list[Column], questions: dict[str, Question]) -> Exercise:
    arrangement = Arrangement(train=np.zeros(0, dtype=bool), fold=np.zeros(0, dtype=np.intp))
    return Exercise(
        columns=tuple(columns),
        refs=(),
        keys=(),
        clips=(),
        questions=questions,
        arrangements=(arrangement,),
        paired=True,
    )


def test_joined_adds_what_the_table_lacks_and_nothing_twice() -> None:
    known = [column("n0"), column("n1"), column("a1", "anomaly", source="n0")]
    first = exercised(known, {"a1": asks("f", 1.0)})
    scored = table({"x": [1, 2, 3], "y": [4, 5, 6], "z": [7, 8, 9]}, known, {"a1": asks("f", 1.0)}, default="x")
    further = [column("n1"), column("n0"), column("a4", "anomaly", source="n0"), column("n0", repeat=1)]
    more = exercised(further, {"a4": asks("f", 4.0)})
    rows: dict[str, Row] = {
        "x": (trial("x"), np.array([20.0, 10.0, 30.0, 40.0])),
        "y": (dataclasses.replace(trial("y"), state="failed"), None),
    }
    both = joined(scored, first, more, rows)
    assert [(c.clip, c.repeat) for c in both.columns] == [("n0", 0), ("n1", 0), ("a1", 0), ("a4", 0), ("n0", 1)]
    np.testing.assert_array_equal(
        both.scores, [[1, 2, 3, 30, 40], [4, 5, 6, np.nan, np.nan], [7, 8, 9, np.nan, np.nan]]
    )
    assert [(e.question.severity, e.normal, e.anomaly) for e in both.exams] == [
        (1.0, (0, 1), (2,)),
        (4.0, (0, 1), (3,)),
    ]
    assert (both.trials, both.default) == (scored.trials, "x")
    # What has no score of a clip that is asked cannot be compared; clips that no exam asks may lack.
    left, gone = comparable(both)
    assert ([t.id for t in left.trials], [t.id for t in gone], left.default) == (["x"], ["y", "z"], "x")
    np.testing.assert_array_equal(left.scores, both.scores[:1])
    assert comparable(dataclasses.replace(both, default="y"))[0].default is None


def test_joined_clips_of_left_out_conditions_ask_no_exam() -> None:
    known = [column("n0"), column("a", "anomaly", source="n0")]
    scored = table({"x": [1, 2]}, known, {"a": asks("f")})
    aside = exercised([column("n0", "anomaly", repeat=LEFT_OUT), column("n1", repeat=LEFT_OUT)], {})
    both = joined(scored, exercised(known, {"a": asks("f")}), aside, {})
    assert both.exams == scored.exams
    assert np.isnan(both.scores[:, 2:]).all()
    whole, gone = comparable(both)
    assert (whole.trials, gone) == (both.trials, ())
    assert json.dumps([c.repeat for c in whole.columns]) == "[0, 0, -1, -1]"


@pytest.mark.usefixtures("small_steps")
def test_a_finished_search_is_found_again_within_any_budget(asked: Exercise, overlay: Path, tmp_path: Path) -> None:
    plain = scoring(overlay).searched(asked, Study(tmp_path), 5)
    assert len(plain) == 5
    over = scoring(overlay, deadline=Deadline(0.0, lambda: 1.0))
    same(over.searched(asked, Study(tmp_path), 5), plain)
