"""The way to a verdict: what is asked once more, what a device can hold, and who is compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gensup.selection.records import Judgement, ScoreTable
from gensup.selection.utility import judge
from gensup.steps.budget import Deadline
from gensup.steps.costs import Costs
from gensup.steps.decision import LEFT_OUT, Decision
from gensup.steps.limits import Limits
from gensup.steps.scoring import Scoring
from gensup.steps.study import NOT_FINITE, Study
from gensup.steps.synthetic import Synthetic, read_sets
from gensup.steps.table import exercise
from gensup.synthesis.twinset import WANTED
from tests.selection.test_verdict import EARS
from tests.selection.test_verdict import table as scored_by_ear
from tests.steps.parts import Listener, heard, scoring

FREE = Costs(Limits(), {}, {})


def decision(out: Path, recordings, score, **how) -> Decision:  # type: ignore[no-untyped-def]
    plain = {"costs": FREE, "trials": 100, "asked": "auto", "progress": Listener(), "more": None}
    return Decision(out=out, recordings=recordings, scoring=score, **(plain | how))


@pytest.fixture(scope="module")
def judged() -> tuple[ScoreTable, tuple[Judgement, ...]]:
    scored = scored_by_ear(EARS)
    return scored, judge(scored)


@pytest.mark.parametrize(
    ("asked", "answer", "limits", "form"),
    [
        ("auto", "select", Limits(parameters=30), "fusion"),
        ("auto", "select", Limits(parameters=29), "single"),
        ("auto", "select", Limits(parameters=1000, ms_per_clip=2.5), "single"),
        ("auto", "select", Limits(), "fusion"),
        ("fusion", "select", Limits(parameters=29), "fusion"),  # who asks for it gets it
        ("auto", "hedge", Limits(parameters=80), "hedged"),
        ("auto", "hedge", Limits(parameters=49), "single"),
    ],
)
def test_a_fusion_that_a_device_cannot_hold_is_a_single_one(
    judged: tuple[ScoreTable, tuple[Judgement, ...]],
    tmp_path: Path,
    asked: str,
    answer: str,
    limits: Limits,
    form: str,
) -> None:
    """Three members of ten parameters and a millisecond each; the hedge hears five more, as far as they are others."""
    scored, judgements = judged
    if answer == "hedge":
        scored = dataclasses.replace(scored, paired=False)
    ids = [trial.id for trial in scored.trials]
    costs = Costs(limits, dict.fromkeys(ids, 10), dict.fromkeys(ids, 1.0)) if limits else FREE
    listener = Listener()
    found = decision(tmp_path, None, None, costs=costs, asked=asked, progress=listener)._affordable(scored, judgements)
    assert (found.answer, found.form) == (answer, form)
    assert len(found.members) == (1 if form == "single" else 3)
    assert bool(listener.said) == (form == "single")
    assert all("beyond the limits" in line for line in listener.said)


def few(synthetic: Synthetic, severities: Sequence[float]) -> Synthetic:
    """Two families at some severities."""
    families = sorted({clip.family for clip in synthetic.clips if clip.condition == "anomaly" and clip.family})[:2]
    return Synthetic(
        tuple(
            clip
            for clip in synthetic.clips
            if clip.condition == "normal" or (clip.family in families and clip.severity in severities)
        ),
        True,
        (),
    )


def test_what_a_ladder_lacks_is_asked_once_more(data: Path, twins: Path, overlay: Path, tmp_path: Path) -> None:
    """And who has no finite score of that is out of the comparison, with the reason."""
    recordings, score, every = heard(data, tmp_path / "x"), scoring(overlay), read_sets([twins], "fan")
    faint, loud = few(every, [0.5]), few(every, [2.0])
    wanted: list[tuple[str, float]] = []

    def more(rungs: Sequence[tuple[str, float]]) -> Synthetic:
        wanted.extend(rungs)
        return loud

    plain = decision(tmp_path / "a", recordings, score, more=more).reached(faint)
    assert wanted
    assert all(severity in (0.125, 2.0) for _, severity in wanted)
    assert {exam.question.severity for exam in plain.table.exams} == {0.5, 2.0}
    assert (tmp_path / "a" / "trials" / WANTED / "journal.jsonl").is_file()
    assert (tmp_path / "a" / "trials" / LEFT_OUT / "journal.jsonl").is_file()
    assert np.isfinite(plain.table.scores[:, [c.repeat >= 0 for c in plain.table.columns]]).all()
    assert len({(c.clip, c.repeat) for c in plain.table.columns}) == len(plain.table.columns)

    # The default's scores of the louder rung are no numbers.
    deaf = score.candidates.default
    further = exercise(recordings, loud, score.seed)
    study = Study(tmp_path / "b", WANTED)
    study.begin(further.columns)
    study.add(score.candidates.trial(deaf, 1), np.full(len(further.columns), np.inf))
    found = decision(tmp_path / "b", recordings, score, more=more).reached(faint)
    assert deaf not in [trial.id for trial in found.table.trials]
    assert len(found.table.trials) == len(plain.table.trials) - 1
    assert found.table.default is None
    assert (found.rows[deaf][0].state, found.rows[deaf][0].reason, found.rows[deaf][1]) == ("failed", NOT_FINITE, None)
    assert deaf not in found.verdict.members
    assert np.isfinite([judgement.value for judgement in found.judgements]).all()

    # Beyond every physical bound nothing is ordered: that would be refused.
    wanted.clear()
    decision(tmp_path / "a", recordings, score, more=more, highest=0.01).reached(faint)
    assert wanted == []
    # Nothing was made.
    none = decision(tmp_path / "a", recordings, score, more=lambda _: None).reached(faint)
    assert {exam.question.severity for exam in none.table.exams} == {0.5}


def test_a_part_that_the_budget_does_not_reach_is_left_away_whole(
    data: Path, twins: Path, overlay: Path, tmp_path: Path
) -> None:
    """Half a column would compare candidates by different clips."""
    recordings, asked = heard(data, tmp_path / "x"), few(read_sets([twins], "fan"), [2.0])
    listener = Listener()
    whole = scoring(overlay)
    exercised = exercise(recordings, asked, whole.seed)
    whole.searched(exercised, Study(tmp_path / "run"), 100)
    over: Scoring = dataclasses.replace(whole, deadline=Deadline(0.0, lambda: 1.0))
    made: list[object] = []
    found = decision(
        tmp_path / "run", recordings, over, progress=listener, more=lambda rungs: made.append(rungs)
    ).reached(asked)
    assert any("before all candidates had heard the clips of left-out" in line for line in listener.said)
    assert {c.repeat for c in found.table.columns} == {0, 1, 2}
    assert made == []  # nor are rungs made for which there is no time
    assert len(found.table.trials) == 6
    assert np.isfinite(found.table.scores).all()


def test_a_finished_run_decides_the_same_within_any_budget(
    data: Path, twins: Path, overlay: Path, tmp_path: Path
) -> None:
    """What was asked once more is on disk, and is not left away because there is no time to ask it."""
    recordings, score, every = heard(data, tmp_path / "x"), scoring(overlay), read_sets([twins], "fan")
    faint, loud = few(every, [0.5]), few(every, [2.0])
    plain = decision(tmp_path, recordings, score, more=lambda _: loud).reached(faint)
    over = dataclasses.replace(score, deadline=Deadline(0.0, lambda: 1.0))
    again = decision(tmp_path, recordings, over, more=lambda _: loud).reached(faint)
    assert again.verdict == plain.verdict
    np.testing.assert_array_equal(again.table.scores, plain.table.scores)
