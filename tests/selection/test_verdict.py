"""The verdict on tables whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from gensup.selection import bootstrap, exams
from gensup.selection.records import Column, Exam, Judgement, Question, ScoreTable, Trial, Verdict
from gensup.selection.utility import judge, ladders, utility
from gensup.selection.verdict import borda, decide

LADDER = (0.5, 1.0, 2.0)
FAMILIES = {f"{mechanism}-{i}": mechanism for mechanism in ("hiss", "knock", "wobble") for i in (1, 2)}
NORMALS, TARGETS, SOURCES = 40, 6, 20


def table(
    ears: dict[str, float], *, gain: float = 1.2, families: dict[str, str] = FAMILIES, seed: int = 0
) -> ScoreTable:
    """A table in which a trial hears a fault of severity s at ``gain * s * ear`` above normals of unit variance."""
    rng = np.random.default_rng(seed)
    columns = [
        Column(clip=f"n{i}", fold=i % 5, source=f"n{i}", target_domain=i < TARGETS, role="normal", chain="none")
        for i in range(NORMALS)
    ]
    questions = {}
    strength = [0.0] * NORMALS
    for family, mechanism in families.items():
        for severity in LADDER:
            for i in range(SOURCES):
                clip = f"{family}-{severity}-{i}"
                questions[clip] = Question(family=family, mechanism=mechanism, status="guessed", severity=severity)
                columns.append(
                    Column(
                        clip=clip, fold=i % 5, source=f"n{i}", target_domain=i < TARGETS, role="anomaly", chain="none"
                    )
                )
                strength.append(severity)
    noise = rng.standard_normal((len(ears), len(columns)))
    scores = noise + gain * np.array(list(ears.values()))[:, None] * np.array(strength)
    trials = tuple(
        Trial(id=name, recipe="r", params={}, varied={"ear": ear}, state="complete", parameters=10)
        for name, ear in ears.items()
    )
    return ScoreTable(
        trials=trials,
        columns=tuple(columns),
        scores=scores,
        exams=exams.build(columns, questions),
        default="dull",
        paired=True,
    )


def verdict_on(scored: ScoreTable) -> Verdict:
    return decide(scored, judge(scored))


EARS = {"deaf": 0.0, "dull": 0.5, "fair": 1.0, "sharp": 2.5, "good": 1.5}


def test_the_sharpest_ear_is_chosen() -> None:
    verdict = verdict_on(table(EARS))
    assert (verdict.answer, verdict.members) == ("select", ("sharp",))
    assert [trial for trial, _ in verdict.ranking][-1] == "deaf"
    assert verdict.rank_interval == (1, 1)
    assert verdict.ties == ("sharp",)
    assert verdict.rows["single"] > verdict.rows["default"] > 0.5
    assert verdict.rows["single"] > verdict.rows["random"]
    np.testing.assert_allclose(sum(report.weight for report in verdict.families.values()), 1)
    assert all(report.member_rank == 1 and report.best == "sharp" for report in verdict.families.values())
    assert "hiss, knock and wobble" in verdict.sentence
    assert "r (ear=2.5)" in verdict.sentence
    assert "6 of 6" in verdict.sentence


def test_the_order_of_the_trials_does_not_matter() -> None:
    original = table(EARS)
    order = [3, 0, 4, 2, 1]
    shuffled = dataclasses.replace(
        original, trials=tuple(original.trials[i] for i in order), scores=original.scores[order]
    )
    first, second = verdict_on(original), verdict_on(shuffled)
    assert first.members == second.members
    assert first.ranking == second.ranking
    assert first.sentence == second.sentence


@pytest.mark.parametrize(("gain", "why"), [(0.0, "too hard"), (60.0, "too easy")])
def test_without_evidence_the_default_stands(gain: float, why: str) -> None:
    ears = {name: ear + 1 for name, ear in EARS.items()}
    verdict = verdict_on(table(ears, gain=gain))
    assert (verdict.answer, verdict.members) == ("default", ("dull",))
    assert {report.weight for report in verdict.families.values()} == {0}
    assert all(why in report.why for report in verdict.families.values())
    assert verdict.rank_interval is None
    assert "published values stand" in verdict.sentence


def test_one_mechanism_is_no_evidence() -> None:
    verdict = verdict_on(table(EARS, families={f"hiss-{i}": "hiss" for i in range(6)}))
    assert verdict.answer == "default"
    assert "6 of 6, of 1 mechanisms" in verdict.sentence


def test_families_of_one_mechanism_share_a_vote() -> None:
    families = {"hiss-1": "hiss", "hiss-2": "hiss", "hiss-3": "hiss", "knock": "knock"}
    weights = {j.family: j.weight for j in judge(table(EARS, families=families))}
    told = {j.family: j.information for j in judge(table(EARS, families=families))}
    np.testing.assert_allclose(weights["hiss-1"], 0.6 * told["hiss-1"] / 3)  # a guessed signature, one of three
    np.testing.assert_allclose(weights["knock"], 0.6 * told["knock"])


def test_unpaired_is_said() -> None:
    verdict = verdict_on(dataclasses.replace(table(EARS), paired=False))
    assert not verdict.paired
    assert "no normal twin" in verdict.sentence


def test_utility_has_the_shape_of_the_official_score() -> None:
    scored = table(EARS)
    exam = next(e for e in scored.exams if e.question.severity == 1.0)
    value, everybody = utility(scored, exam)
    target = np.array([scored.columns[i].target_domain for i in exam.normal])
    for row, scores in enumerate(scored.scores):
        normal, anomaly = scores[list(exam.normal)], scores[list(exam.anomaly)]

        def auc(negatives: np.ndarray, anomaly: np.ndarray = anomaly, **how: float) -> float:
            label = np.r_[np.zeros(len(negatives)), np.ones(len(anomaly))]
            return float(roc_auc_score(label, np.r_[negatives, anomaly], **how))

        shrunken = (TARGETS * auc(normal[target]) + 10 * auc(normal)) / (TARGETS + 10)
        parts = [auc(normal[~target]), shrunken, auc(normal, max_fpr=0.1)]
        np.testing.assert_allclose(value[row], 3 / sum(1 / part for part in parts), rtol=1e-12)
        np.testing.assert_allclose(everybody[row], auc(normal), rtol=1e-12)


def test_a_family_is_read_where_the_median_auc_is_three_quarters() -> None:
    scored = table(EARS)
    for judgement in judge(scored):
        rungs = dict(ladders(scored)[judgement.family])
        low = max((s for s in LADDER if rungs[s] < 0.75), default=None)
        high = min(s for s in LADDER if rungs[s] >= 0.75)
        assert low is not None
        assert low < judgement.severity <= high
        assert 0.7 < np.median(judgement.auc) < 0.8


def test_borda_by_hand() -> None:
    def says(weight: float, *values: float) -> Judgement:
        value = np.array(values)
        return Judgement("f", "m", "cited", value, value, value[:, None], 1.0, 1.0, weight, "")

    counts = borda([says(3, 0.9, 0.8, 0.7), says(1, 0.5, 0.5, 0.9)])
    np.testing.assert_allclose(counts, [(3 * 1 + 2.5) / 4, (3 * 2 + 2.5) / 4, (3 * 3 + 1) / 4])
    assert rankdata(counts).tolist() == [1, 2, 3]


def test_twins_through_a_codec_are_judged_against_twins() -> None:
    def column(clip: str, role: str, chain: str) -> Column:
        return Column(clip=clip, fold=0, source="s", target_domain=None, role=role, chain=chain)

    columns = [
        column("real", "normal", "none"),
        column("sham", "sham", "codec"),
        column("a", "anomaly", "codec"),
        column("b", "anomaly", "none"),
        column("c", "anomaly", "unknown"),
    ]
    asked = {c: Question(family=c, mechanism="m", status="generic", severity=1.0) for c in "abc"}
    built = {exam.question.family: (exam.normal, exam.anomaly) for exam in exams.build(columns, asked)}
    assert built == {"a": ((1,), (2,)), "b": ((0,), (3,)), "c": ((0,), (4,))}


def test_a_resample_of_every_clip_once_is_the_table_itself() -> None:
    scored = table(EARS)
    ones = np.ones((2, len(scored.columns)))
    for exam in scored.exams[:6]:
        value, _ = utility(scored, exam)
        np.testing.assert_allclose(bootstrap.resampled(scored, exam, ones), np.stack([value] * 2, axis=1), rtol=1e-12)


def test_a_resample_is_the_table_with_its_clips_repeated() -> None:
    scored = table(EARS)
    scored = dataclasses.replace(scored, scores=np.round(scored.scores, 1))  # with ties
    exam = scored.exams[1]
    counts = bootstrap.draws(scored)[0]
    repeated = [i for i, n in enumerate(counts.astype(int)) for _ in range(n)]
    again = dataclasses.replace(
        scored, columns=tuple(scored.columns[i] for i in repeated), scores=scored.scores[:, repeated]
    )
    place = {"normal": set(exam.normal), "anomaly": set(exam.anomaly)}
    moved = {role: tuple(j for j, i in enumerate(repeated) if i in places) for role, places in place.items()}
    expected, _ = utility(again, Exam(question=exam.question, **moved))
    np.testing.assert_allclose(bootstrap.resampled(scored, exam, counts[None])[:, 0], expected, rtol=1e-9)


def test_a_source_and_its_twins_are_drawn_together() -> None:
    scored = table(EARS)
    drawn = bootstrap.draws(scored)
    assert drawn.shape == (200, len(scored.columns))
    of = {column.source: i for i, column in enumerate(scored.columns) if column.role == "normal"}
    for i, column in enumerate(scored.columns):
        np.testing.assert_array_equal(drawn[:, i], drawn[:, of[column.source]])


def test_candidates_that_differ_by_chance_alone_are_no_evidence() -> None:
    """Equal ears: whatever seems best is luck, however many families agree that there is a fault."""
    chosen = [verdict_on(table(dict.fromkeys("abcdefgh", 1.0) | {"dull": 1.0}, seed=seed)).answer for seed in range(8)]
    assert chosen.count("select") <= 1
