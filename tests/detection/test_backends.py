"""What every back end promises, over the registry, and the two small ones against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn import cluster
from sklearn.covariance import EmpiricalCovariance, ShrunkCovariance
from sklearn.neighbors import NearestNeighbors

from gensup.detection import distances
from gensup.detection.backends.gmm import Gmm
from gensup.detection.backends.k_means import KMeans
from gensup.detection.backends.knn import Knn
from gensup.detection.backends.local_density import LocalDensity
from gensup.detection.backends.mahalanobis import Mahalanobis
from gensup.detection.leave_one_out import left_out
from gensup.detection.parts import BACKENDS
from gensup.errors import GensupError

SEED = 2**40 + 7
SETTINGS: dict[str, list[Any]] = {
    "gmm": [Gmm(1), Gmm(3), Gmm(2, score="mixture")],
    "knn": [Knn(), Knn(5), Knn(2, "euclidean"), Knn(3), Knn(40, "euclidean")],
    "k-means": [KMeans(3), KMeans(8, "euclidean", keep_target=False)],
    "local-density": [LocalDensity(), LocalDensity(2, unit=False), LocalDensity(9, statistic="sum")],
    "mahalanobis": [Mahalanobis(), Mahalanobis(1.0), Mahalanobis(1e-3)],
}
CASES = [
    pytest.param(backend, id=repr(backend))
    for name in BACKENDS.names()
    for backend in SETTINGS.get(name, [BACKENDS.load(name)()])
]
KINDS = BACKENDS.names()


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """60 clips of 12 bands in dB."""
    rng = np.random.default_rng(3)
    return (-60 + rng.normal(0, 6, (60, 12)) @ rng.normal(size=(12, 12))).astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return (-58 + np.random.default_rng(4).normal(0, 12, (25, 12))).astype(np.float32)


def wants(backend: Any) -> int:
    """The fewest clips that it can be fitted on."""
    return next(rows for rows in range(1, 1000) if backend.unfit(rows) is None)


@pytest.mark.parametrize("backend", CASES)
def test_state_and_back(backend: Any, vectors: np.ndarray, queries: np.ndarray) -> None:
    fitted = backend.fit(vectors, None, SEED)
    again = backend.restore(load(save(fitted.state())))
    assert again.dim == fitted.dim == 12
    scores = fitted.score(queries)
    assert scores.shape == (25,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(again.score(queries), scores)


@pytest.mark.parametrize("backend", CASES)
def test_arrays_that_do_not_fit_together(backend: Any, vectors: np.ndarray) -> None:
    state = backend.fit(vectors, None, SEED).state()
    for name, array in state.items():
        with pytest.raises(GensupError, match="do not fit together"):
            backend.restore(state | {name: np.zeros((3,) * (array.ndim + 1))})


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_is_each_configuration_alone(kind: str, vectors: np.ndarray, queries: np.ndarray) -> None:
    configs = SETTINGS.get(kind, [BACKENDS.load(kind)()])
    swept = type(configs[0]).sweep(configs, vectors, None, queries, SEED)
    assert swept.shape == (len(configs), 25)
    for row, config in zip(swept, configs, strict=True):
        np.testing.assert_array_equal(row, config.fit(vectors, None, SEED).score(queries))


@pytest.mark.parametrize("backend", CASES)
def test_one_row_does_not_change_anothers_score(backend: Any, vectors: np.ndarray, queries: np.ndarray) -> None:
    fitted = backend.fit(vectors, None, SEED)
    together = fitted.score(queries)
    alone = np.concatenate([fitted.score(queries[i : i + 1]) for i in range(len(queries))])
    np.testing.assert_allclose(alone, together, rtol=1e-10)


@pytest.mark.parametrize("backend", CASES)
def test_too_few_clips_are_said_and_enough_are_fitted(backend: Any, queries: np.ndarray) -> None:
    rows = wants(backend)
    said = backend.unfit(rows - 1)
    assert f"a fold has {rows - 1}" in said
    assert str(rows) in said
    few = np.random.default_rng(0).normal(size=(rows, 12)).astype(np.float32)
    assert np.isfinite(backend.fit(few, None, SEED).score(queries)).all()


@pytest.mark.parametrize("backend", CASES)
def test_neither_input_nor_model_is_written_to(backend: Any, vectors: np.ndarray, queries: np.ndarray) -> None:
    x, q = vectors.copy(), queries.copy()
    fitted = backend.fit(x, None, SEED)
    first = fitted.score(q)
    np.testing.assert_array_equal(x, vectors)
    np.testing.assert_array_equal(q, queries)
    x[:] = 0
    np.testing.assert_array_equal(fitted.score(q), first)


@pytest.mark.parametrize("backend", CASES)
def test_parameters_are_the_numbers_that_a_model_holds(backend: Any, vectors: np.ndarray) -> None:
    arrays = backend.fit(vectors, None, SEED).state().values()
    held = sum(a.size for a in arrays)
    triangles = sum(a.size // a.shape[-1] * (a.shape[-1] - 1) // 2 for a in arrays if a.shape[-2:] == (12, 12))
    assert abs(backend.n_parameters(12, 60) - (held - triangles)) <= 1  # weights that sum to 1 are one fewer


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 4, 60])
def test_neighbours_are_scikit_learns(
    metric: str, k: int, vectors: np.ndarray, queries: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(vectors.astype(np.float64))
    expected = reference.kneighbors(queries.astype(np.float64))[0].mean(axis=1)
    fitted = Knn(k, metric).fit(vectors, None, SEED)  # type: ignore[arg-type]
    whole = fitted.score(queries)
    np.testing.assert_allclose(whole, expected, rtol=1e-7, atol=1e-12)
    monkeypatch.setattr(distances, "DISTANCES_AT_ONCE", 7 * 60)  # blocks of seven queries, the last one of four
    np.testing.assert_allclose(fitted.score(queries), whole, rtol=1e-12)


def test_a_clip_is_its_own_neighbour_and_zeros_are_nobodys() -> None:
    loud = np.random.default_rng(5).normal(-80, 1, (30, 128)).astype(np.float32)
    for metric in ("cosine", "euclidean"):
        assert Knn(1, metric).fit(loud, None, SEED).score(loud).max() < 1e-6  # type: ignore[arg-type]
    zeros = np.zeros((2, 128), dtype=np.float32)
    np.testing.assert_array_equal(Knn(1).fit(loud, None, SEED).score(zeros), 1)
    np.testing.assert_array_equal(Knn(2).fit(zeros, None, SEED).score(loud), 1)


@pytest.mark.parametrize("rows", [8, 60])
@pytest.mark.parametrize("regularization", [1e-3, 0.1, 1.0])
def test_distances_are_scikit_learns(
    rows: int, regularization: float, vectors: np.ndarray, queries: np.ndarray
) -> None:
    x, q = vectors[:rows].astype(np.float64), queries.astype(np.float64)
    scores = Mahalanobis(regularization).fit(vectors[:rows], None, SEED).score(queries)
    shrunk = ShrunkCovariance(shrinkage=regularization).fit(x)
    np.testing.assert_allclose(scores, np.sqrt(shrunk.mahalanobis(q)), rtol=1e-6)
    plain = EmpiricalCovariance().fit(x).covariance_
    ridge = (1 - regularization) * plain + regularization * np.trace(plain) / 12 * np.eye(12)
    away = q - x.mean(axis=0)
    np.testing.assert_allclose(scores, np.sqrt(np.sum(away * np.linalg.solve(ridge, away.T).T, axis=1)), rtol=1e-6)


@pytest.mark.parametrize(
    "refused", [lambda: Knn(0), lambda: Knn(2000), lambda: Mahalanobis(0.0), lambda: Mahalanobis(1.5)]
)
def test_settings_out_of_range(refused: Any) -> None:
    with pytest.raises(GensupError, match="out of range"):
        refused()


def test_equal_clips_have_no_covariance() -> None:
    with pytest.raises(GensupError, match="no proper covariance"):
        Mahalanobis().fit(np.ones((5, 3), dtype=np.float32), None, SEED)


@pytest.mark.parametrize("unit", [True, False])
def test_local_density_is_the_formula(unit: bool, vectors: np.ndarray, queries: np.ndarray) -> None:
    def scaled(x: np.ndarray) -> np.ndarray:
        wide = x.astype(np.float64)
        return wide / np.linalg.norm(wide, axis=1, keepdims=True) if unit else wide

    bank = scaled(vectors)
    near = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(bank)
    spread = near.kneighbors(bank)[0][:, 1:].mean(axis=1)
    expected = (np.linalg.norm(scaled(queries)[:, None] - bank, axis=2) / spread).min(axis=1)
    scores = LocalDensity(4, unit=unit).fit(vectors, None, SEED).score(queries)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    summed = LocalDensity(4, statistic="sum", unit=unit).fit(vectors, None, SEED).score(queries)
    np.testing.assert_allclose(4 * summed, scores, rtol=1e-6)


def test_each_domain_has_a_density_of_its_own(vectors: np.ndarray, queries: np.ndarray) -> None:
    target = np.arange(60) >= 50
    apart = LocalDensity(4, k_target=2).fit(vectors, target, SEED).score(queries)
    both = [
        LocalDensity(4).fit(vectors[~target], None, SEED).score(queries),
        LocalDensity(2).fit(vectors[target], None, SEED).score(queries),
    ]
    np.testing.assert_allclose(apart, np.min(both, axis=0), rtol=1e-6)
    together = LocalDensity(4).fit(vectors, None, SEED).score(queries)
    np.testing.assert_array_equal(LocalDensity(4, k_target=2).fit(vectors, None, SEED).score(queries), together)


def test_equal_clips_do_not_divide_by_zero(vectors: np.ndarray, queries: np.ndarray) -> None:
    repeated = np.concatenate([np.repeat(vectors[:1], 9, axis=0), vectors])
    assert np.isfinite(LocalDensity(4).fit(repeated, None, SEED).score(queries)).all()
    assert np.isfinite(LocalDensity(4).fit(np.ones((9, 3), dtype=np.float32), None, SEED).score(queries[:, :3])).all()


def test_centres_of_source_and_target_clips_as_they_are(vectors: np.ndarray, queries: np.ndarray) -> None:
    target = np.arange(60) >= 55
    fitted = KMeans(4).fit(vectors, target, SEED)
    assert fitted.centres.shape == (9, 12)
    assert fitted.score(vectors[target]).max() < 1e-6
    wide = vectors[~target].astype(np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    reference = cluster.KMeans(4, n_init=1, random_state=SEED % 2**32).fit(unit)
    alone = KMeans(4).fit(vectors[~target], None, SEED)
    expected = NearestNeighbors(n_neighbors=1, metric="cosine").fit(reference.cluster_centers_)
    np.testing.assert_allclose(alone.score(queries), expected.kneighbors(queries)[0][:, 0], rtol=1e-4)


def test_leaving_one_out_is_fitting_without_it(vectors: np.ndarray) -> None:
    for backend in (Knn(), Knn(3, "euclidean")):
        alone = [backend.fit(np.delete(vectors, i, 0), None, SEED).score(vectors[i : i + 1])[0] for i in range(60)]
        np.testing.assert_allclose(left_out(backend, vectors, None, SEED), alone, rtol=1e-6)
    assert (
        left_out(Mahalanobis(), vectors, None, SEED).mean()
        > Mahalanobis().fit(vectors, None, SEED).score(vectors).mean()
    )
