"""Both forms of the selective Mahalanobis distance, as loops over what is written in the paper and in the code."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.detection.residuals import inverses, off

BANDS, FRAMES, BATCH = 4, 3, 16


@pytest.fixture
def residuals() -> np.ndarray:
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((100, BANDS * FRAMES)) @ rng.standard_normal((BANDS * FRAMES, BANDS * FRAMES))
    return (mixed + 0.3).astype(np.float32)


def test_the_papers_form_is_the_mean_of_the_nearer_domains_distance(residuals: np.ndarray) -> None:
    target = np.arange(100) >= 70
    inverse = inverses(residuals, target, "mahalanobis-paper", BANDS, BATCH)
    precisions = [np.linalg.inv(np.cov(residuals[rows].T.astype(float))) for rows in (~target, target)]
    clip = residuals[20:30].astype(float)
    wanted = [min(x @ p @ x for p in precisions) / len(x) for x in clip]
    np.testing.assert_allclose(off(residuals[20:30], "mahalanobis-paper", BANDS, inverse), wanted, rtol=1e-6)


def test_the_codes_form_is_the_mean_of_the_whole_matrix(residuals: np.ndarray) -> None:
    target = np.arange(100) >= 70
    inverse = inverses(residuals, target, "mahalanobis-code", BANDS, BATCH)
    covariances = []
    for rows in (~target, target):
        own = residuals[rows].astype(float)
        total = np.zeros((BANDS, BANDS))
        for start in range(0, len(own), BATCH):
            delta = own[start : start + BATCH].reshape(-1, BANDS)
            delta = delta - delta.mean(0)
            total += sum(np.outer(d, d) for d in delta)
        covariances.append(total / (len(own) - 1))
    delta = residuals[20:30].astype(float).reshape(-1, BANDS)
    wanted = min((delta @ np.linalg.inv(c) @ delta.T).mean() for c in covariances)
    found = off(residuals[20:30], "mahalanobis-code", BANDS, inverse)
    assert found.shape == (1,)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-6)


@pytest.mark.parametrize("form", ["mahalanobis-paper", "mahalanobis-code"])
def test_without_a_target_domain_the_source_stands_for_it(residuals: np.ndarray, form: str) -> None:
    source, target = inverses(residuals, np.zeros(100, dtype=bool), form, BANDS, BATCH)  # type: ignore[arg-type]
    np.testing.assert_array_equal(source, target)
    other, own = inverses(residuals, np.ones(100, dtype=bool), form, BANDS, BATCH)  # type: ignore[arg-type]
    np.testing.assert_array_equal(other, own)
    np.testing.assert_array_equal(own, source)


def test_mean_squares(residuals: np.ndarray) -> None:
    wanted = (residuals[:5].astype(float) ** 2).mean(1)
    np.testing.assert_allclose(off(residuals[:5], "mse", BANDS, None), wanted, rtol=1e-7)
