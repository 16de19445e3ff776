"""Thin evidence is answered, and the answer says what it lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from gensup.selection.records import Column, ScoreTable
from gensup.selection.thin import lost
from gensup.selection.utility import judge
from gensup.selection.verdict import decide
from tests.selection.tables import asks, column, table

NORMALS, ASKING = 24, 6


def columns(normals: int, target: Callable[[int], bool | None]) -> tuple[Column, ...]:
    asked = tuple(column(f"a{i}", "anomaly", source=f"n{i}") for i in range(ASKING))
    return tuple(column(f"n{i}", target=target(i)) for i in range(normals)) + asked


def scored(
    gains: Mapping[str, float], normals: int = NORMALS, target: Callable[[int], bool | None] = lambda i: i < 4
) -> ScoreTable:
    """A candidate gives its anomalies so much more than the normal clips."""
    rng = np.random.default_rng(0)
    rows = {name: [*rng.normal(size=normals), *(gain + rng.normal(size=ASKING))] for name, gain in gains.items()}
    questions = {f"a{i}": asks("hiss") for i in range(ASKING)}
    return table(rows, columns(normals, target), questions, default=next(iter(gains)))


WHOLE = scored({"dull": 0.0, "keen": 2.0, "bat": 4.0})


def constant(rows: Sequence[int]) -> ScoreTable:
    scores = WHOLE.scores.copy()
    scores[list(rows)] = 0.5
    return dataclasses.replace(WHOLE, scores=scores)


THIN: dict[str, tuple[ScoreTable, tuple[str, ...]]] = {
    "nothing": (WHOLE, ()),
    "one candidate": (scored({"dull": 2.0}), ("There is one candidate, so there is nothing to choose between.",)),
    "eight normals": (
        scored({"dull": 0.0, "bat": 4.0}, 8),
        ("There are 8 normal clips: a false-alarm rate of 10% is fewer than two of them, so partial AUC and",),
    ),
    "no domain": (scored({"dull": 0.0, "bat": 4.0}, target=lambda i: None), ("No normal clip is of a target domain",)),
    "source alone": (scored({"dull": 0.0, "bat": 4.0}, target=lambda i: False), ("No normal clip is of a target",)),
    "target alone": (scored({"dull": 0.0, "bat": 4.0}, target=lambda i: True), ("All normal clips are of the target",)),
    "a constant candidate": (constant([0]), ("1 of 3 candidates gives all clips one score.",)),
    "constant scores": (
        constant([0, 1, 2]),
        ("3 of 3 candidates give all clips one score.", "On 1 of 1 fault families all candidates do equally well."),
    ),
    "tied": (
        dataclasses.replace(WHOLE, scores=np.repeat(WHOLE.scores[:1], 3, axis=0)),
        ("On 1 of 1 fault families all candidates do equally well.",),
    ),
    "some failed": (
        dataclasses.replace(WHOLE, failed=2),
        ("2 of 5 candidates failed: scores that are not finite count nowhere.",),
    ),
    "some pruned": (
        dataclasses.replace(WHOLE, failed=1, pruned=2),
        ("1 of 6 candidates failed", "2 of 6 candidates could not be fitted on so few clips"),
    ),
}


@pytest.mark.parametrize("what", THIN)
def test_an_answer_says_what_it_lost(what: str) -> None:
    thin, expected = THIN[what]
    judgements = judge(thin)
    said = list(lost(thin, judgements))
    assert len(said) == len(expected)
    assert all(sentence.startswith(words) for sentence, words in zip(said, expected, strict=True))
    verdict = decide(thin, judgements)
    assert verdict.answer in ("hedge", "default")  # one family is never enough to select
    assert verdict.sentence.endswith(" ".join(said))


def test_a_clip_counts_once_in_however_many_arrangements() -> None:
    thin = scored({"dull": 0.0, "bat": 4.0}, 8)
    again = [dataclasses.replace(c, repeat=1) for c in thin.columns]
    both = dataclasses.replace(thin, columns=(*thin.columns, *again), scores=np.hstack([thin.scores, thin.scores]))
    assert list(lost(both, judge(both))) == list(lost(thin, judge(thin)))
