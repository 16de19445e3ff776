"""EM: scikit-learn's optimum, from the same partition, by the same rule to stop."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from gensup.detection import mixture
from gensup.errors import GensupError


def scikit_learns(x: np.ndarray, k: int, seed: int) -> GaussianMixture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(k, tol=1e-6, reg_covar=1e-6, random_state=seed).fit(x)


def densities(fitted: mixture.Mixture, x: np.ndarray) -> np.ndarray:
    return mixture.log_densities(x, fitted.means, fitted.precisions_cholesky)


def independent(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    return rng.normal(size=(rows, dim))


def correlated(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    """Like a machine's bands: a few modes, each with neighbours that move together, in dB."""
    smooth = np.exp(-0.5 * ((np.arange(dim)[:, None] - np.arange(dim)) / 4) ** 2) + 0.05 * np.eye(dim)
    modes = rng.normal(-40, 6, (5, dim))
    return modes[rng.integers(5, size=rows)] + rng.normal(size=(rows, dim)) @ smooth


# Where a component has fewer rows than dimensions its covariance is the 1e-6 of the regularisation in most directions:
# a condition number of 1e8 and more, of which neither scikit-learn's rounding nor ours is the true one.
@pytest.mark.parametrize(
    ("make", "rows", "dim", "tolerance"),
    [
        (independent, 400, 8, 1e-8),
        (correlated, 400, 8, 1e-8),
        (correlated, 800, 64, 1e-8),
        (independent, 60, 128, 1e-7),
        (correlated, 60, 128, 1e-7),
    ],
)
@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_the_optimum_is_scikit_learns(make, rows: int, dim: int, tolerance: float, k: int) -> None:
    rng = np.random.default_rng(rows + dim)
    x, queries = make(rng, rows, dim), make(rng, 50, dim)
    for seed in (0, 1):
        fitted, reference = mixture.fit(x, k, seed), scikit_learns(x, k, seed)
        np.testing.assert_allclose(fitted.weights, reference.weights_, rtol=1e-8)
        np.testing.assert_allclose(fitted.means, reference.means_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(densities(fitted, queries), reference._estimate_log_prob(queries), rtol=tolerance)


def test_soft_components_run_as_long_as_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(4).normal(size=(300, 2))
    rounds = 0
    expected = mixture._expected

    def counted(*arguments):
        nonlocal rounds
        rounds += 1
        return expected(*arguments)

    monkeypatch.setattr(mixture, "_expected", counted)
    fitted, reference = mixture.fit(x, 3, 0), scikit_learns(x, 3, 0)
    assert rounds == reference.n_iter_ > 20
    np.testing.assert_allclose(densities(fitted, x), reference._estimate_log_prob(x), rtol=1e-8)


def test_components_that_part_the_rows_need_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    x = correlated(np.random.default_rng(6), 60, 128)
    monkeypatch.setattr(mixture, "ROUNDS", 1)
    once = mixture.fit(x, 4, 0)
    monkeypatch.setattr(mixture, "ROUNDS", 100)
    np.testing.assert_array_equal(once.means, mixture.fit(x, 4, 0).means)


def test_one_component_is_the_closed_form() -> None:
    x = correlated(np.random.default_rng(2), 200, 16)
    fitted = mixture.fit(x, 1, 0)
    covariance = np.cov(x.T, bias=True) + 1e-6 * np.eye(16)
    np.testing.assert_allclose(densities(fitted, x)[:, 0], multivariate_normal(x.mean(axis=0), covariance).logpdf(x))


def test_factors_are_triangular_and_of_the_inverse() -> None:
    x = correlated(np.random.default_rng(3), 200, 8)
    (upper,) = mixture.fit(x, 1, 0).precisions_cholesky
    np.testing.assert_array_equal(upper, np.triu(upper))
    np.testing.assert_allclose(upper @ upper.T @ (np.cov(x.T, bias=True) + 1e-6 * np.eye(8)), np.eye(8), atol=1e-8)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_can_be_scored(rows: int) -> None:
    x = independent(np.random.default_rng(0), 20, 4)
    assert densities(mixture.fit(x, 2, 0), x[:rows]).shape == (rows, 2)


def test_equal_rows_leave_components_empty() -> None:
    x = np.repeat(np.eye(2), 6, axis=0)
    fitted, reference = mixture.fit(x, 3, 0), scikit_learns(x, 3, 0)
    np.testing.assert_allclose(fitted.weights, reference.weights_, atol=1e-12)
    np.testing.assert_allclose(densities(fitted, x).max(axis=1), reference._estimate_log_prob(x).max(axis=1), rtol=1e-8)


def test_values_beyond_all_size_are_refused() -> None:
    huge = np.random.default_rng(0).normal(size=(6, 12)) * 1e8
    with pytest.raises(GensupError, match="no proper covariance"):
        mixture.fit(huge, 1, 0)


def test_the_rows_stay_as_they_were() -> None:
    x = independent(np.random.default_rng(0), 30, 4)
    before = x.copy()
    densities(mixture.fit(x, 2, 0), x)
    np.testing.assert_array_equal(x, before)
