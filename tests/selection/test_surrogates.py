"""What other rules would choose, each by hand on a small table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from gensup.selection.records import LEFT_OUT, Column
from gensup.selection.surrogates import surrogates
from gensup.selection.verdict import decide
from tests.selection.tables import asks, column, says, table

NAN = float("nan")


def test_mean_and_minimax() -> None:
    scored = table({"a": [0.0], "b": [0.0], "c": [0.0]}, [column("n")])
    judgements = [says("f", [0.9, 0.7, 0.6]), says("g", [0.3, 0.6, 0.8], weight=0)]  # weightless ones are asked, too
    found = surrogates(scored, judgements)
    np.testing.assert_allclose(found["mean score"], [0.6, 0.65, 0.7])
    np.testing.assert_allclose(found["minimax regret"], [-0.5, -0.2, -0.3])


def test_without_a_family_there_is_no_mean_and_no_threshold() -> None:
    scored = table({"a": [0.0, 1.0], "b": [1.0, 0.0]}, [column("n"), column("m")])
    assert set(surrogates(scored, [])) == {"consensus"}


def test_threshold_is_the_level_at_which_a_trial_reaches_the_difficulty() -> None:
    columns = [column(f"n{i}") for i in range(4)]
    questions = {}
    for severity in (0.1, 1.0, 10.0):  # -20, 0 and 20 dB
        columns.append(column(f"a{severity}", "anomaly", source="n0"))
        questions[f"a{severity}"] = asks("f", severity)
    normal = [0, 1, 2, 3]
    found = surrogates(
        table(
            {
                "between": [*normal, 1.5, 3.5, 3.5],  # AUC .5, 1, 1: half way from -20 to 0 dB
                "at once": [*normal, 2.5, 3.5, 3.5],  # .75 at the faintest
                "late": [*normal, 0.5, 1.5, 2.5],  # .75 at the loudest alone
                "never": [*normal, -1, -1, -1],
                "and back": [*normal, 0.5, 2.5, 1.5],  # reaches it at 0 dB
            },
            columns,
            questions,
        ),
        [],
    )
    np.testing.assert_allclose(found["threshold in dB"], [10, 20, -20, -20, 0])


def test_threshold_is_the_mean_over_families() -> None:
    columns = [column(f"n{i}") for i in range(4)]
    questions = {}
    for family in "fg":
        for severity in (1.0, 10.0):
            columns.append(column(f"{family}{severity}", "anomaly", source="n0"))
            questions[f"{family}{severity}"] = asks(family, severity)
    found = surrogates(table({"a": [0, 1, 2, 3, 3.5, 3.5, 0.5, 2.5]}, columns, questions), [])
    np.testing.assert_allclose(found["threshold in dB"], [-(0 + 20) / 2])


def conditions() -> list[Column]:
    """Two folds that leave a condition out: two clips each ask, two are negatives."""
    return [column("n")] + [
        column(f"{fold}{role}{i}", role, fold=fold, repeat=LEFT_OUT)  # type: ignore[arg-type]
        for fold in range(2)
        for role in ("normal", "anomaly")
        for i in range(2)
    ]


def test_a_left_out_condition_is_asked_within_its_fold() -> None:
    # The second fold's scores lie higher: clips of different folds are not compared.
    scored = table(
        {
            "hears both": [0, 1, 2, 3, 4, 11, 12, 13, 14],
            "hears one": [0, 1, 2, 3, 4, 13, 14, 11, 12],
            "half": [0, 1, 3, 2, 4, 11, 13, 12, 14],
        },
        conditions(),
    )
    np.testing.assert_allclose(surrogates(scored, [])["left-out condition"], [1, 0.5, 0.75])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_trial_that_could_not_be_asked_is_not_chosen(order: tuple[int, ...]) -> None:
    rows = [[0.0, *[NAN] * 8], [1, 1, 2, 3, 4, 11, 12, 13, 14], [2, 1, 3, 2, 4, 11, 13, 12, 14]]
    names = ["deaf", "good", "fair"]
    scored = table({names[i]: rows[i] for i in order}, conditions(), default="fair")
    worth = dict(zip((names[i] for i in order), surrogates(scored, [])["left-out condition"], strict=True))
    assert worth == {"deaf": -np.inf, "good": 1.0, "fair": 0.75}
    assert decide(scored, []).shown["left-out condition"] == "good"
    nobody = dataclasses.replace(scored, scores=np.where(np.arange(9) > 0, NAN, scored.scores))
    assert "left-out condition" not in surrogates(nobody, [])


def test_a_fold_without_negatives_is_not_asked() -> None:
    columns = [c for c in conditions() if c.clip[:7] != "1normal"]
    scored = table({"a": [0, 1, 2, 3, 4, 0, 0], "b": [0, 3, 4, 1, 2, 9, 9]}, columns)
    np.testing.assert_allclose(surrogates(scored, [])["left-out condition"], [1, 0])


def test_the_target_domain_taken_for_an_anomaly() -> None:
    columns = [column(f"n{i}", target=i > 2, repeat=r) for r in range(2) for i in range(5)]
    columns += [column("copy", "nuisance", target=True), column("a", "anomaly", target=True)]
    scored = table(
        {"a": [*range(10), -9, -9], "b": [*range(5, 0, -1), *range(5, 0, -1), 9, 9]}, columns, {"a": asks("f")}
    )
    # Pairs of a: 2 x 3 each within and across the two arrangements; across, target 3 and 4 lie below 5, 6 and 7.
    np.testing.assert_allclose(surrogates(scored, [])["domain as anomaly"], [18 / 24, 0])
    alone = table({"a": [0, 1]}, [column("n", target=True), column("m", target=True)])
    assert "domain as anomaly" not in surrogates(alone, [])
    unsaid = table({"a": [0, 1]}, [column("n"), column("m")])
    assert "domain as anomaly" not in surrogates(unsaid, [])


def test_consensus_is_the_correlation_with_the_mean_of_all() -> None:
    rng = np.random.default_rng(0)
    columns = [column(f"n{i}") for i in range(8)] + [column("a", "anomaly"), column("n0", repeat=1)]
    columns += [column("n1", "anomaly", repeat=LEFT_OUT)]
    scores = rng.standard_normal((4, 11)) + rng.standard_normal(11)
    scores[1, -1] = NAN
    scored = table({f"t{i}": row for i, row in enumerate(scores)}, columns, {"a": asks("f")})
    normal = scores[:, [*range(8), 9]]
    z = (scores - normal.mean(axis=1, keepdims=True)) / normal.std(axis=1, keepdims=True)
    expected = [spearmanr(row, z[:, :9].mean(axis=0)).statistic for row in scores[:, :9]]
    np.testing.assert_allclose(surrogates(scored, [])["consensus"], expected)


def test_a_constant_candidate_agrees_with_nobody() -> None:
    scored = table({"flat": [1, 1, 1], "a": [1, 2, 3]}, [column(f"n{i}") for i in range(3)])
    np.testing.assert_allclose(surrogates(scored, [])["consensus"], [0, 1])
