"""The panel: the best medoids that exhaustive search finds, chosen by normal clips alone."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from gensup.selection.panel import k_medoids, normal_places, panel
from gensup.selection.records import LEFT_OUT, ScoreTable
from tests.selection.tables import asks, column, table


def cost(distance: np.ndarray, medoids: tuple[int, ...]) -> float:
    return float(distance[:, list(medoids)].min(axis=1).sum())


def best(distance: np.ndarray, count: int) -> float:
    return min(cost(distance, medoids) for medoids in combinations(range(len(distance)), count))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_medoids_against_every_choice(count: int) -> None:
    """Swapping ends where no swap helps, which in the plane is at the best or next to it."""
    exact = 0
    for seed in range(20):
        points = np.random.default_rng(seed).standard_normal((9, 2))
        distance = np.linalg.norm(points[:, None] - points[None], axis=2)
        medoids = k_medoids(distance, count)
        assert len(set(medoids)) == count
        found = cost(distance, medoids)
        assert found <= 1.1 * best(distance, count)
        exact += found <= best(distance, count) + 1e-9
        for place in range(count):
            for other in set(range(9)) - set(medoids):
                swapped = (*medoids[:place], other, *medoids[place + 1 :])
                assert cost(distance, swapped) >= found - 1e-9
    assert exact >= 17


def test_medoids_of_clusters_that_lie_apart() -> None:
    points = np.repeat([0.0, 10.0, 30.0], 3) + np.tile([-1.0, 0.0, 1.0], 3)
    assert sorted(k_medoids(np.abs(points[:, None] - points[None]), 3)) == [1, 4, 7]


def test_medoids_of_all_and_of_equals() -> None:
    assert sorted(k_medoids(np.ones((3, 3)) - np.eye(3), 3)) == [0, 1, 2]
    assert len(set(k_medoids(np.zeros((6, 6)), 4))) == 4
    assert k_medoids(np.zeros((1, 1)), 1) == (0,)


def scored(seed: int = 0, trials: int = 9) -> ScoreTable:
    rng = np.random.default_rng(seed)
    columns = [column(f"n{i}", repeat=r) for r in range(2) for i in range(12)]
    columns += [column("louder", "nuisance", source="n0"), column("a", "anomaly", source="n1")]
    columns += [column("n3", "normal", repeat=LEFT_OUT), column("n4", "anomaly", repeat=LEFT_OUT)]
    mixing = rng.standard_normal((trials, 3))
    scores = mixing @ rng.standard_normal((3, len(columns))) + 0.1 * rng.standard_normal((trials, len(columns)))
    return table({f"t{i}": row for i, row in enumerate(scores)}, columns, {"a": asks("f")})


def test_the_panel_is_the_medoids_of_rank_correlation() -> None:
    for seed in range(5):
        found = scored(seed)
        normal = found.scores[:, :24]
        distance = 1 - np.asarray(spearmanr(normal, axis=1).statistic)
        assert cost(distance, panel(found)) <= 1.1 * best(distance, 5) + 1e-6


def test_only_held_out_normal_clips_have_a_say() -> None:
    found = scored()
    assert normal_places(found).tolist() == list(range(24))
    other = found.scores.copy()
    other[:, 24:] = np.random.default_rng(5).standard_normal(other[:, 24:].shape)
    other[2, -1] = np.nan  # no fold of the left-out conditions could fit it
    assert panel(dataclasses.replace(found, scores=other)) == panel(found)
    assert panel(dataclasses.replace(found, scores=np.exp(found.scores))) == panel(found)  # ranks alone
    other[:, :24] = np.random.default_rng(6).standard_normal((9, 24))
    assert panel(dataclasses.replace(found, scores=other)) != panel(found)


def test_the_order_of_trials_does_not_matter() -> None:
    found = scored()
    # Two that are one, so that there are ties to settle.
    found = dataclasses.replace(found, scores=found.scores[[0, 1, 2, 3, 4, 5, 6, 0, 1]])
    wanted = [found.trials[i].id for i in panel(found)]
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(9)
        shuffled = dataclasses.replace(found, trials=tuple(found.trials[i] for i in order), scores=found.scores[order])
        assert [shuffled.trials[i].id for i in panel(shuffled)] == wanted


def test_few_trials_and_constant_ones() -> None:
    found = scored(trials=3)
    assert panel(found) == (0, 1, 2)
    constant = scored(trials=7)
    assert len(set(panel(dataclasses.replace(constant, scores=np.ones_like(constant.scores))))) == 5


def test_without_recordings_normal_twins_do_and_without_any_the_ids() -> None:
    columns = [column(f"s{i}", "sham", chain="zip") for i in range(6)]
    rows = np.random.default_rng(0).standard_normal((8, 6))
    twins = table({f"t{i}": row for i, row in enumerate(rows)}, columns)
    assert normal_places(twins).tolist() == list(range(6))
    nobody = table({f"t{i}": row[:0] for i, row in enumerate(rows)}, [])
    assert len(set(panel(nobody))) == 5
