"""Where a ladder is read, what a family tells, and that utility is the same however it is asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gensup.selection import marks
from gensup.selection.constants import constants
from gensup.selection.marks import Draws, utility
from gensup.selection.records import Column, Judgement, Question, ScoreTable
from gensup.selection.utility import information, judge, utility_of
from tests.selection.tables import asks, column, says, table

NORMALS, ANOMALIES = 100, 100
TRIALS = 5  # all of them are the panel


def ladder(aucs: dict[float, float], *, spread: float = 0.0) -> ScoreTable:
    """One family; on the rung of severity s the median trial has the AUC ``aucs[s]``, others ``spread`` about it."""
    columns = [column(f"n{i:03d}") for i in range(NORMALS)]
    questions: dict[str, Question] = {}
    rows: list[list[float]] = [[float(i) for i in range(NORMALS)] for _ in range(TRIALS)]
    for severity, auc in aucs.items():
        for i in range(ANOMALIES):
            clip = f"{severity}-{i}"
            questions[clip] = asks("hum", severity)
            columns.append(column(clip, "anomaly", source=f"n{i:03d}"))
        for t, row in enumerate(rows):
            own = auc + spread * (t / (TRIALS - 1) - 0.5)
            # So many of all pairs: an anomaly at k - 1/2 is above k normals.
            pairs = round(own * NORMALS * ANOMALIES)
            row += [k - 0.5 for k in (pairs // ANOMALIES + (i < pairs % ANOMALIES) for i in range(ANOMALIES))]
    return table({f"t{t}": row for t, row in enumerate(rows)}, columns, questions)


def read(aucs: dict[float, float], spread: float = 0.0) -> Judgement:
    (judgement,) = judge(ladder(aucs, spread=spread))
    return judgement


def test_between_two_rungs_it_is_read_at_the_fixed_difficulty() -> None:
    judgement = read({0.5: 0.55, 1.0: 0.65, 2.0: 0.85, 4.0: 0.95}, spread=0.2)
    assert dict(judgement.rungs) == pytest.approx({1.0: 0.5, 2.0: 0.5})
    assert judgement.severity == pytest.approx(2**0.5)  # severities are ratios
    assert judgement.wanted is None
    assert "between severities 1 and 2" in judgement.why
    assert judgement.weight > 0
    assert float(np.median(judgement.auc)) == pytest.approx(0.75, abs=0.01)


def test_a_rung_at_the_difficulty_is_read_alone() -> None:
    judgement = read({0.5: 0.55, 1.0: 0.75, 2.0: 0.9}, spread=0.2)
    shares = {severity: share for severity, share in judgement.rungs if share}
    assert shares == pytest.approx({1.0: 1.0})
    assert judgement.severity == pytest.approx(1.0)


def test_too_easy_even_at_the_weakest_it_wants_a_weaker_one() -> None:
    judgement = read({0.5: 0.99, 1.0: 1.0})
    assert judgement.rungs == ((0.5, 1.0),)
    assert (judgement.weight, judgement.information) == (0, 0)
    assert "too easy" in judgement.why
    assert judgement.wanted == 0.5 / constants().rung


def test_above_the_difficulty_at_the_weakest_it_is_read_there_and_wants_a_weaker_one() -> None:
    judgement = read({0.5: 0.8, 1.0: 0.95}, spread=0.3)
    assert judgement.rungs == ((0.5, 1.0),)
    assert judgement.weight > 0
    assert judgement.wanted == 0.5 / constants().rung


def test_below_the_difficulty_at_the_strongest_it_is_read_there_and_wants_a_stronger_one() -> None:
    judgement = read({0.5: 0.55, 2.0: 0.7}, spread=0.4)
    assert judgement.rungs == ((2.0, 1.0),)
    assert judgement.weight > 0
    assert judgement.wanted == 2.0 * constants().rung


def test_hopeless_it_has_no_say_and_a_stronger_one_may_tell() -> None:
    judgement = read({0.5: 0.51, 2.0: 0.55}, spread=0.05)
    assert (judgement.weight, judgement.information) == (0, 0)
    assert "too hard" in judgement.why
    assert judgement.wanted == 2.0 * constants().rung


def test_some_who_hear_it_are_enough() -> None:
    """The 90th percentile is asked, not the median: one rung where few hear anything tells them from the others."""
    assert read({2.0: 0.55}, spread=0.2).weight > 0


@pytest.mark.parametrize("last", [0.66, 0.55])
def test_a_ladder_past_its_loudest_rung_is_read_there_and_wants_no_more(last: float) -> None:
    judgement = read({0.5: 0.55, 1.0: 0.7, 2.0: last}, spread=0.4)
    assert judgement.rungs == ((1.0, 1.0),)
    assert judgement.wanted is None
    assert "most audible" in judgement.why


def test_severity_between_rungs_is_geometric() -> None:
    judgement = dataclasses.replace(says("f", [0.0]), rungs=((0.5, 0.25), (8.0, 0.75)))
    assert judgement.severity == pytest.approx(2 ** (0.25 * -1 + 0.75 * 3))
    assert dataclasses.replace(judgement, rungs=((0.125, 1.0),)).severity == 0.125


def test_information_by_hand() -> None:
    value = np.array([0.5, 0.7])  # variance .01
    shared = np.array([0.1, -0.1, 0.1, -0.1])  # an easy draw for all is no noise between them
    own = np.array([[0.05, -0.05, 0.05, -0.05], [-0.05, 0.05, -0.05, 0.05]])  # variance .0025
    assert information(value, value[:, None] + shared + own) == pytest.approx(0.01 / 0.0025 - 1)
    assert information(value, value[:, None] + shared) == constants().information_cap
    assert information(value, value[:, None] + 3 * own) == 0
    assert information(np.array([0.7, 0.7]), np.full((2, 4), 0.7) + shared) == 0
    missing = np.concatenate([value[:, None] + shared + own, np.full((2, 1), np.nan)], axis=1)
    assert information(value, missing) == pytest.approx(0.01 / 0.0025 - 1)


def noisy(trials: int, seed: int = 0) -> ScoreTable:
    rng = np.random.default_rng(seed)
    columns = [column(f"n{i:02d}", target=i < 4, repeat=r) for r in range(2) for i in range(20)]
    questions = {}
    for r in range(2):
        for severity in (0.5, 1.0, 2.0):
            for i in range(9):
                clip = f"{severity}-{i}"
                questions[clip] = asks("hum", severity)
                columns.append(column(clip, "anomaly", source=f"n{i:02d}", repeat=r, target=i < 4))
    strength = np.array([questions[c.clip].severity if c.role == "anomaly" else 0 for c in columns])
    ears = np.linspace(0, 2, trials)[:, None]
    scores = rng.standard_normal((trials, len(columns))) + ears * strength
    return table({f"t{i:02d}": row for i, row in enumerate(scores)}, columns, questions)


def test_candidates_that_are_one_tell_nothing() -> None:
    """Errors of rounding in equal utilities are no spread: for some numbers of trials they passed for evidence."""
    for trials in (2, 3, 5, 7, 11, 40):
        scored = noisy(trials)
        same = dataclasses.replace(scored, scores=np.repeat(scored.scores[-1:], trials, axis=0))
        (judgement,) = judge(same)
        assert (judgement.information, judgement.weight) == (0, 0)


def test_a_utility_is_the_same_however_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With resamples or without, in any block: to the last bit, or a candidate would rank behind itself."""
    scored = noisy(70)
    (judgement,) = judge(scored)
    assert len(judgement.rungs) == 2
    np.testing.assert_array_equal(utility_of(scored, scored.scores, judgement), judgement.value)
    one_by_one = [utility_of(scored, row[None], judgement)[0] for row in scored.scores]
    np.testing.assert_array_equal(one_by_one, judgement.value)
    monkeypatch.setattr(marks, "BYTES_AT_ONCE", 1)
    (again,) = judge(scored)
    np.testing.assert_array_equal(again.value, judgement.value)
    assert again.information == pytest.approx(judgement.information, rel=1e-6)


def test_a_taint_of_any_chain_that_a_family_went_through_counts() -> None:
    """One family in two sets, one of them through a codec that is heard unbroken."""
    columns: list[Column] = [column(f"n{i}") for i in range(8)]
    columns += [column(f"s{i}", "sham", source=f"n{i}", chain="zip") for i in range(8)]
    questions = {}
    for chain in ("none", "zip"):
        for i in range(8):
            clip = f"{chain}{i}"
            questions[clip] = asks("hum")
            columns.append(column(clip, "anomaly", source=f"n{i}", chain=chain))
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((6, len(columns)))
    scores[:, 16:] += np.linspace(0, 2, 6)[:, None]
    for tainted in ("none", "zip"):
        (judgement,) = judge(
            table({f"t{i}": row for i, row in enumerate(scores)}, columns, questions, taint={tainted: 0.9})
        )
        assert judgement.weight == 0
        assert "tainted: what it went through is told from recordings with AUC 0.90" in judgement.why


def test_what_is_counted_at_once_does_not_depend_on_the_number_of_trials() -> None:
    import tracemalloc

    def peak(trials: int) -> int:
        scored = noisy(trials)
        draws = Draws.of(scored)
        tracemalloc.start()
        try:
            utility(scored, scored.scores, scored.exams[0], draws)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # What grows is the answer: two numbers a trial and draw, and as many again while they are put together.
    assert peak(4000) - peak(2000) < 8 * 8 * 201 * 2000
