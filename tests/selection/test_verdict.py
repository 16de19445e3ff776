"""The verdict on tables whose answer is known."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import hmean, rankdata
from sklearn.metrics import roc_auc_score

from gensup.errors import GensupError
from gensup.selection import exams
from gensup.selection.ranking import borda
from gensup.selection.records import Column, Exam, Judgement, Question, ScoreTable, Trial, Verdict
from gensup.selection.utility import judge, ladders
from gensup.selection.verdict import Asked, decide

LADDER = (0.125, 0.25, 0.5, 1.0, 2.0)
FAMILIES = {f"{mechanism}-{i}": mechanism for mechanism in ("hiss", "knock", "tick", "wobble") for i in (1, 2)}
NORMALS, TARGETS, SOURCES = 40, 6, 20


def table(
    ears: dict[str, float],
    *,
    gain: float = 1.2,
    families: dict[str, str] = FAMILIES,
    seed: int = 0,
    shared: float = 0.5,
) -> ScoreTable:
    """A table in which a trial hears a fault of severity s at ``gain * s * ear`` above normals.

    These have unit variance, of which all trials share a part.
    """
    rng = np.random.default_rng(seed)
    columns = [
        Column(
            clip=f"n{i}", repeat=0, fold=i % 5, source=f"n{i}", target_domain=i < TARGETS, role="normal", chain="none"
        )
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
                        clip=clip,
                        repeat=0,
                        fold=i % 5,
                        source=f"n{i}",
                        target_domain=i < TARGETS,
                        role="anomaly",
                        chain="none",
                    )
                )
                strength.append(severity)
    noise = rng.standard_normal((len(ears), len(columns)))
    noise = np.sqrt(1 - shared) * noise + np.sqrt(shared) * rng.standard_normal(len(columns))
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


def verdict_on(scored: ScoreTable, asked: Asked = "auto") -> Verdict:
    return decide(scored, judge(scored), asked)


EARS = {
    "deaf": 0.0, "dull": 0.5, "dim": 0.7, "weak": 0.8, "fair": 1.0, "good": 1.5, "fine": 1.8, "keen": 2.0,
    "sharp": 2.5, "fox": 2.6, "owl": 2.8, "bat": 3.0,
}  # fmt: skip
BEST = ("bat", "owl", "fox", "sharp", "keen", "fine", "good", "fair")


def test_the_sharpest_ears_are_chosen_and_fused() -> None:
    verdict = verdict_on(table(EARS))
    assert (verdict.answer, verdict.form) == ("select", "fusion")
    assert len(verdict.members) == 3  # a quarter of twelve
    assert set(verdict.members) <= set(BEST)
    assert {trial for trial, _ in verdict.ranking[-2:]} < {"deaf", "dull", "dim", "weak"}
    assert verdict.rank_interval is not None
    assert verdict.rank_interval[1] <= 4
    assert verdict.members[0] in verdict.ties
    assert "deaf" not in verdict.ties
    assert verdict.rows["single"] > verdict.rows["random"]
    assert verdict.rows["fusion"] > verdict.rows["random"] > verdict.rows["default"] > 0.5
    assert set(verdict.gains) == {"hiss", "knock", "tick", "wobble"}
    assert min(verdict.gains.values()) > 0
    np.testing.assert_allclose(sum(report.weight for report in verdict.families.values()), 1)
    ranks = [report.rank or 0 for report in verdict.families.values()]
    assert set(ranks) <= {1, 2}  # a mean of three is as good as the best of them, or next to it
    assert all(report.best in BEST for report in verdict.families.values())
    assert "hiss, knock, tick and wobble" in verdict.sentence
    assert f"r (ear={EARS[verdict.members[0]]})" in verdict.sentence
    assert f"for {ranks.count(1)} of 8 fault families" in verdict.sentence  # the top 10 % of twelve is one
    assert not verdict.tainted


def test_what_was_asked_for_is_built_and_the_answer_stays() -> None:
    scored = table(EARS)
    auto = verdict_on(scored)
    for asked, members in (("single", 1), ("fusion", 3), ("hedged", 3), ("default", 1)):
        verdict = verdict_on(scored, asked)  # type: ignore[arg-type]
        assert (verdict.answer, verdict.form, len(verdict.members)) == ("select", asked, members)
        assert verdict.ranking == auto.ranking
        assert verdict.rows == auto.rows
    assert verdict.members == ("dull",)


def test_the_order_of_the_trials_does_not_matter() -> None:
    original = table(EARS)
    order = np.random.default_rng(1).permutation(len(EARS))
    shuffled = dataclasses.replace(
        original, trials=tuple(original.trials[i] for i in order), scores=original.scores[order]
    )
    first, second = verdict_on(original), verdict_on(shuffled)
    assert first.members == second.members
    assert first.panel == second.panel
    assert first.ranking == second.ranking
    assert first.shown == second.shown
    assert first.sentence == second.sentence


@pytest.mark.parametrize(("gain", "why"), [(-0.5, "too hard"), (60.0, "too easy")])
def test_without_evidence_the_default_stands(gain: float, why: str) -> None:
    ears = {name: ear + 1 for name, ear in EARS.items()}
    verdict = verdict_on(table(ears, gain=gain), "fusion")
    assert (verdict.answer, verdict.form, verdict.members) == ("default", "default", ("dull",))
    assert {report.weight for report in verdict.families.values()} == {0}
    assert all(why in report.why for report in verdict.families.values())
    assert verdict.rank_interval is None
    assert "published values stand" in verdict.sentence
    assert verdict.rows == {}


def test_too_easy_a_ladder_asks_for_fainter_rungs_and_too_faint_a_one_for_stronger() -> None:
    ears = {name: ear + 1 for name, ear in EARS.items()}
    easy, hard = verdict_on(table(ears, gain=60.0)), verdict_on(table(ears, gain=0.1))
    assert {w.family: w.severity for w in easy.wanted} == dict.fromkeys(FAMILIES, min(LADDER) / 4)
    assert len(hard.wanted) >= 4
    assert {w.severity for w in hard.wanted} == {max(LADDER) * 4}
    assert verdict_on(table(EARS)).wanted == ()


def test_few_mechanisms_are_hedged() -> None:
    verdict = verdict_on(table(EARS, families={f"hiss-{i}": "hiss" for i in range(9)}))
    assert (verdict.answer, verdict.form) == ("hedge", "hedged")
    assert len(verdict.members) == 3  # a quarter of twelve
    assert set(verdict.members) <= set(BEST)
    assert len(verdict.panel) == 5
    assert "9 of 9, of 1 mechanisms" in verdict.sentence
    assert "hedged by candidates that no simulated fault chose" in verdict.sentence
    assert ", the hedge of " in verdict.sentence  # whose ranks are told


def test_a_choice_that_does_not_carry_over_is_hedged() -> None:
    """Two mechanisms that want the opposite: what one chooses is poor for the other."""
    scored = table(EARS, shared=0.9)
    flipped = scored.scores.copy()
    places = [i for exam in scored.exams if exam.question.mechanism in ("hiss", "knock") for i in exam.anomaly]
    flipped[:, places] = flipped[::-1][:, places]
    verdict = verdict_on(dataclasses.replace(scored, scores=flipped))
    assert min(verdict.gains.values()) < 0
    assert verdict.answer == "hedge"


def test_a_tainted_chain_has_no_vote() -> None:
    scored = table(EARS)
    verdict = verdict_on(dataclasses.replace(scored, taint={"none": 0.9}))
    assert (verdict.answer, verdict.tainted) == ("default", True)
    assert "told from recordings, unbroken, with AUC 0.90" in verdict.sentence
    coded = tuple(dataclasses.replace(column, fitted="codec") for column in scored.columns)
    coded_verdict = verdict_on(dataclasses.replace(scored, columns=coded, taint={"none": 0.9}))
    assert "told from recordings after the codec, unbroken" in coded_verdict.sentence
    assert "told from recordings after the codec" in next(iter(coded_verdict.families.values())).why
    weight = {taint: judge(dataclasses.replace(scored, taint={"none": taint}))[0].weight for taint in (0.5, 0.6)}
    np.testing.assert_allclose(weight[0.6], 0.8 * weight[0.5])


def test_families_of_one_mechanism_share_a_vote() -> None:
    families = {"hiss-1": "hiss", "hiss-2": "hiss", "hiss-3": "hiss", "knock": "knock"}
    weights = {j.family: j.weight for j in judge(table(EARS, families=families))}
    told = {j.family: j.information for j in judge(table(EARS, families=families))}
    np.testing.assert_allclose(weights["hiss-1"], 0.6 * told["hiss-1"] / 3)  # a guessed signature, one of three
    np.testing.assert_allclose(weights["knock"], 0.6 * told["knock"])


def test_unpaired_is_said_and_never_selected() -> None:
    verdict = verdict_on(dataclasses.replace(table(EARS), paired=False))
    assert not verdict.paired
    assert verdict.answer == "hedge"
    assert "no normal twin" in verdict.sentence


def test_a_family_is_read_where_the_median_auc_is_three_quarters() -> None:
    scored = table(EARS)
    for judgement in judge(scored):
        rungs = dict(ladders(scored)[judgement.family])
        low = max((s for s in LADDER if rungs[s] < 0.75), default=None)
        high = min(s for s in LADDER if rungs[s] >= 0.75)
        assert low is not None
        assert low < judgement.severity <= high
        np.testing.assert_allclose(sum(share * rungs[s] for s, share in judgement.rungs), 0.75)


def test_borda_by_hand() -> None:
    def says(weight: float, *values: float) -> Judgement:
        value = np.array(values)
        return Judgement(
            family="f", mechanism="m", status="cited", rungs=((1.0, 1.0),), value=value, auc=value,
            resampled=value[:, None], information=1.0, weight=weight, why="",
        )  # fmt: skip

    counts = borda([says(3, 0.9, 0.8, 0.7), says(1, 0.5, 0.5, 0.9)])
    np.testing.assert_allclose(counts, [(3 * 1 + 2.5) / 4, (3 * 2 + 2.5) / 4, (3 * 3 + 1) / 4])
    assert rankdata(counts).tolist() == [1, 2, 3]


def test_twins_through_a_codec_are_judged_against_twins_in_every_repeat() -> None:
    def column(clip: str, role: str, chain: str, repeat: int = 0) -> Column:
        return Column(clip=clip, repeat=repeat, fold=0, source="s", target_domain=None, role=role, chain=chain)  # type: ignore[arg-type]

    columns = [
        column("real", "normal", "none"),
        column("sham", "sham", "codec"),
        column("louder", "nuisance", "codec"),
        column("a", "anomaly", "codec"),
        column("b", "anomaly", "none"),
        column("c", "anomaly", "unknown"),
        column("real", "normal", "none", 1),
        column("b", "anomaly", "none", 1),
        column("real", "anomaly", "none", -1),
    ]
    asked = {c: Question(family=c, mechanism="m", status="generic", severity=1.0) for c in "abc"}
    built = {(e.question.family, e.repeat): (e.normal, e.anomaly) for e in exams.build(columns, asked)}
    assert built == {("a", 0): ((1, 2), (3,)), ("b", 0): ((0,), (4,)), ("c", 0): ((0,), (5,)), ("b", 1): ((6,), (7,))}


def test_candidates_that_differ_by_chance_alone_are_no_evidence() -> None:
    """Equal ears: whatever seems best is luck, however many families agree that there is a fault."""
    chosen = [verdict_on(table(dict.fromkeys("abcdefgh", 1.0) | {"dull": 1.0}, seed=seed)).answer for seed in range(8)]
    assert chosen.count("select") <= 1


def plainly(verdict: Verdict) -> str:
    """The verdict as run.json holds it, which knows no NaN."""
    return json.dumps(dataclasses.asdict(verdict), allow_nan=False)


def utility_by_hand(scored: ScoreTable, scores: np.ndarray, judgement: Judgement) -> float:
    """Official score of any scores at the rungs that a judgement reads, by scikit-learn."""
    total = 0.0
    for severity, share in judgement.rungs:
        (exam,) = (e for e in scored.exams if (e.question.family, e.question.severity) == (judgement.family, severity))
        few = [i for i in exam.normal if scored.columns[i].target_domain]
        many = [i for i in exam.normal if not scored.columns[i].target_domain]

        def auc(normal: list[int], exam: Exam = exam, **how: float) -> float:
            places = [*normal, *exam.anomaly]
            return float(roc_auc_score([i in exam.anomaly for i in places], scores[places], **how))

        everybody = auc([*few, *many])
        shrunk = (TARGETS * auc(few) + 10 * everybody) / (TARGETS + 10)
        total += share * hmean([auc(many), shrunk, auc([*few, *many], max_fpr=0.1)])
    return total


def z(scored: ScoreTable, scores: np.ndarray) -> np.ndarray:
    normal = scores[..., :NORMALS]
    return np.asarray((scores - normal.mean(axis=-1, keepdims=True)) / normal.std(axis=-1, keepdims=True))


def test_gains_by_hand() -> None:
    """A fusion of those that the other mechanisms choose, over the mean candidate."""
    scored = table(EARS)
    judgements = judge(scored)
    gains = decide(scored, judgements).gains
    for mechanism, gain in gains.items():
        others = [j for j in judgements if j.mechanism != mechanism]
        counts = sum(j.weight * rankdata(-j.value) for j in others)
        members = np.argsort(counts, kind="stable")[:3]
        fusion = z(scored, z(scored, scored.scores)[members].mean(axis=0))
        own = [j for j in judgements if j.mechanism == mechanism]
        gained = [utility_by_hand(scored, fusion, j) - j.value.mean() for j in own]
        assert gain == pytest.approx(np.average(gained, weights=[j.weight for j in own]), abs=1e-6)


def test_rows_by_hand() -> None:
    scored = table(EARS)
    judgements, verdict = judge(scored), verdict_on(scored)
    ids = [trial.id for trial in scored.trials]
    weights = [j.weight for j in judgements]
    members, panel = ([ids.index(t) for t in trials] for trials in (verdict.members, verdict.panel))
    standard = z(scored, scored.scores)
    fusion = z(scored, standard[members].mean(axis=0))
    built = {
        "default": scored.scores[ids.index("dull")],
        "single": scored.scores[members[0]],
        "fusion": fusion,
        "hedged": np.maximum(fusion, z(scored, standard[panel].max(axis=0))),
    }
    expected = {
        form: np.average([utility_by_hand(scored, scores, j) for j in judgements], weights=weights)
        for form, scores in built.items()
    }
    expected["random"] = np.average([j.value.mean() for j in judgements], weights=weights)
    assert verdict.rows == pytest.approx(expected, abs=1e-6)


def test_reports_are_of_what_is_built() -> None:
    scored = table(EARS)
    judgements = {j.family: j for j in judge(scored)}
    for asked in ("single", "default"):
        verdict = verdict_on(scored, asked)  # type: ignore[arg-type]
        row = [t.id for t in scored.trials].index(verdict.members[0])
        for family, report in verdict.families.items():
            value = judgements[family].value
            assert report.utility == value[row]  # to the last bit, or it would rank behind itself
            assert report.rank == rankdata(-value, method="min")[row]


@pytest.mark.parametrize("gain", [-0.5, 0.1, 1.2, 60.0])
@pytest.mark.parametrize("asked", ["auto", "single", "fusion", "hedged", "default"])
def test_a_verdict_is_json(gain: float, asked: Asked) -> None:
    scored = table(dict(list(EARS.items())[::3]) | {"dull": 0.5}, gain=gain)
    assert json.loads(plainly(verdict_on(scored, asked)))["form"]


def test_without_a_published_default() -> None:
    scored = dataclasses.replace(table(EARS), default=None)
    verdict = verdict_on(scored)
    assert verdict.members == verdict_on(table(EARS)).members
    assert "default" not in verdict.rows
    asked = verdict_on(scored, "default")
    assert (asked.answer, asked.form, asked.members) == ("select", "default", ())
    assert "There is no published default" in asked.sentence
    deaf = verdict_on(dataclasses.replace(table(EARS, gain=-0.5), default=None))
    assert (deaf.answer, deaf.members) == ("default", ())
    assert "Nothing is chosen" in deaf.sentence
    assert all(report.rank is None for report in deaf.families.values())
    for each in (verdict, asked, deaf):
        plainly(each)


def test_fewer_trials_than_a_panel() -> None:
    verdict = verdict_on(table({"dull": 0.2, "bat": 3.0, "owl": 2.0}), "hedged")
    assert verdict.members == ("bat",)
    assert verdict.panel == ("bat", "dull", "owl")
    plainly(verdict)


def test_a_single_trial_is_no_choice() -> None:
    verdict = verdict_on(table({"dull": 2.0}), "fusion")
    assert (verdict.answer, verdict.form, verdict.members, verdict.panel) == (
        "default",
        "default",
        ("dull",),
        ("dull",),
    )
    assert verdict.gains == {}
    assert "of 8 fault families" not in verdict.sentence
    plainly(verdict)


def test_equal_trials_are_no_choice() -> None:
    scored = table(dict.fromkeys(["dull", "a", "b"], 2.0))
    verdict = verdict_on(dataclasses.replace(scored, scores=np.repeat(scored.scores[:1], 3, axis=0)))
    assert (verdict.answer, verdict.members) == ("default", ("dull",))
    plainly(verdict)


def test_families_of_few_sources_have_no_vote() -> None:
    """Of one recording, or four, resamples cannot say what is chance."""
    scored = table(EARS)
    few = [dataclasses.replace(exam, anomaly=exam.anomaly[:4]) for exam in scored.exams]
    verdict = verdict_on(dataclasses.replace(scored, exams=tuple(few)))
    assert verdict.answer == "default"
    assert all("made of 4 recordings" in report.why for report in verdict.families.values() if "too" not in report.why)


def test_a_rung_of_few_sources_is_not_read() -> None:
    scored = table(EARS)
    strongest = max(LADDER)
    thin = [
        dataclasses.replace(exam, anomaly=exam.anomaly[:9]) if exam.question.severity == strongest else exam
        for exam in scored.exams
    ]
    assert all(
        severity < strongest for j in judge(dataclasses.replace(scored, exams=tuple(thin))) for severity, _ in j.rungs
    )
    assert strongest not in dict(ladders(dataclasses.replace(scored, exams=tuple(thin)))["hiss-1"])


def test_an_anomaly_without_a_normal_clip_is_named() -> None:
    scored = table(EARS)
    columns = [dataclasses.replace(c, chain="zip") for c in scored.columns if c.role == "anomaly"][:1]
    asked = {columns[0].clip: Question(family="f", mechanism="m", status="cited", severity=1.0)}
    with pytest.raises(GensupError, match="zip"):
        exams.build(columns, asked)
