"""K-means: scikit-learn's partitions, cluster for cluster."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from gensup.detection.kmeans import partition


def scikit_learns(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    return KMeans(k, n_init=1, random_state=seed).fit(x).labels_


@pytest.mark.parametrize("rows", [8, 20, 60, 300])
@pytest.mark.parametrize("k", [2, 3, 4, 8])
def test_partitions_are_scikit_learns(rows: int, k: int) -> None:
    rng = np.random.default_rng(rows * k)
    for seed in range(8):
        shape = rng.normal(size=(24, 24)) * 10 ** rng.uniform(-2, 2)
        x = rng.normal(size=(rows, 24)) @ shape + rng.normal(0, 100, 24)
        np.testing.assert_array_equal(partition(x, k, seed), scikit_learns(x, k, seed))


def test_pairs_that_leave_the_same_are_settled_alike() -> None:
    # Each row has a twin nearby: as a centre, either leaves what the other leaves, up to rounding.
    rng = np.random.default_rng(0)
    for seed in range(30):
        homes = rng.normal(0, 30, (6, 40))
        x = np.concatenate([homes + rng.normal(size=homes.shape), homes + rng.normal(size=homes.shape)])
        np.testing.assert_array_equal(partition(x, 4, seed), scikit_learns(x, 4, seed))


def test_a_shift_of_all_rows_changes_nothing() -> None:
    x = np.random.default_rng(1).normal(size=(40, 3))
    np.testing.assert_array_equal(partition(x, 4, 0), partition(x + 1e4, 4, 0))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fewer_distinct_rows_than_clusters() -> None:
    x = np.repeat(np.eye(3), 4, axis=0)
    np.testing.assert_array_equal(partition(x, 5, 0), scikit_learns(x, 5, 0))
    assert len(set(partition(x, 5, 0))) == 3


def test_a_cluster_that_loses_all_of_its_rows_is_given_others() -> None:
    # Of hundreds of rounds on a few coarse points, some empty a cluster.
    rng = np.random.default_rng(5)
    for seed in range(150):
        x = np.round(rng.normal(size=(14, 2)) * 2)
        if len(np.unique(x, axis=0)) >= 6:
            np.testing.assert_array_equal(np.bincount(partition(x, 6, seed), minlength=6) > 0, True)
