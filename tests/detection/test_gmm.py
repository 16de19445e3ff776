"""The mixture against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from gensup.detection.backends.gmm import FittedGmm, Gmm
from gensup.errors import GensupError

SEED = 7


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(3)
    shape = rng.normal(size=(2, 6, 6))
    return np.concatenate([rng.normal(size=(60, 6)) @ s + 4 * i for i, s in enumerate(shape)]).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 4, 8])
@pytest.mark.parametrize("score", ["best-component", "mixture"])
def test_scores_are_scikit_learns(vectors: np.ndarray, k: int, score: str) -> None:
    reference = GaussianMixture(k, tol=1e-6, reg_covar=1e-6, random_state=SEED).fit(vectors.astype(np.float64))
    queries = vectors[::3].astype(np.float64) + 0.5
    densities = np.stack(
        [
            multivariate_normal(m, c).logpdf(queries)
            for m, c in zip(reference.means_, reference.covariances_, strict=True)
        ]
    )
    expected = -densities.max(axis=0) if score == "best-component" else -reference.score_samples(queries)
    fitted = Gmm(k, score=score).fit(vectors, None, SEED)
    np.testing.assert_allclose(fitted.score(queries), expected, rtol=1e-7, atol=1e-7)


def test_best_component_leaves_the_weights_out() -> None:
    fitted = FittedGmm(np.array([0.99, 0.01]), np.array([[0.0], [5.0]]), np.ones((2, 1, 1)), best_component=True)
    np.testing.assert_allclose(fitted.score(np.array([[0.0], [5.0]], np.float32)), 0.5 * np.log(2 * np.pi))


def test_a_sweep_is_each_configuration_alone(vectors: np.ndarray) -> None:
    configs = [Gmm(k) for k in (1, 2, 4)]
    swept = Gmm.sweep(configs, vectors, None, vectors[:9], SEED)
    alone = [config.fit(vectors, None, SEED).score(vectors[:9]) for config in configs]
    np.testing.assert_array_equal(swept, alone)


def test_one_row_does_not_change_anothers_score(vectors: np.ndarray) -> None:
    fitted = Gmm(2).fit(vectors, None, SEED)
    np.testing.assert_allclose(fitted.score(vectors[:20])[5], fitted.score(vectors[5:6])[0], rtol=1e-12)


def test_state_and_back(vectors: np.ndarray) -> None:
    fitted = Gmm(2).fit(vectors, None, SEED)
    again = Gmm(2).restore(fitted.state())
    np.testing.assert_array_equal(fitted.score(vectors), again.score(vectors))


def test_arrays_that_do_not_fit_together(vectors: np.ndarray) -> None:
    state = Gmm(2).fit(vectors, None, SEED).state() | {"means": np.zeros((3, 6))}
    with pytest.raises(GensupError, match="do not fit together"):
        Gmm(2).restore(state)


def test_fewer_rows_than_dimensions_are_regularised() -> None:
    few = np.random.default_rng(0).normal(size=(10, 32)).astype(np.float32)
    assert np.isfinite(Gmm(1).fit(few, None, SEED).score(few + 1)).all()


def test_size_and_need() -> None:
    assert [Gmm(k).n_parameters(128, 100) for k in (1, 2, 4, 8)] == [
        8384,
        16769,
        33539,
        67079,
    ]  # the published 33K is K = 4
    assert Gmm(4).unfit(7) == "4 components need 8 clips, a fold has 7"
    assert Gmm(4).unfit(8) is None
    with pytest.raises(GensupError, match="n_components"):
        Gmm(0)


def test_a_sweep_of_few_rows_in_many_dimensions_is_each_configuration_alone() -> None:
    rng = np.random.default_rng(1)
    x, queries = (rng.normal(-40, 6, (rows, 64)).astype(np.float32) for rows in (40, 20))
    configs = [Gmm(8), Gmm(1), Gmm(4), Gmm(2)]
    swept = Gmm.sweep(configs, x, None, queries, SEED)
    np.testing.assert_array_equal(swept, [config.fit(x, None, SEED).score(queries) for config in configs])
    np.testing.assert_array_equal(swept[2:], Gmm.sweep(configs[2:], x, None, queries, SEED))
