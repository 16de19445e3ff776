"""t-SNE against its definition and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.steps.tsne import affinities, gradient, tsne

RNG = np.random.default_rng(3)
GROUPS = np.repeat([0, 1, 2], 20)
VECTORS = 12 * np.eye(3, 6)[GROUPS] + RNG.normal(size=(60, 6))


def divergence(p: np.ndarray, y: np.ndarray) -> float:
    squares = ((y[:, None] - y[None]) ** 2).sum(axis=2)
    q = 1 / (1 + squares)
    np.fill_diagonal(q, 0)
    q /= q.sum()
    off = ~np.eye(len(p), dtype=bool)
    return float((p[off] * np.log(np.maximum(p[off], 1e-300) / q[off])).sum())


def test_affinities_have_the_perplexity() -> None:
    from scipy.spatial.distance import squareform
    from sklearn.manifold import _t_sne

    squares = ((VECTORS[:, None] - VECTORS[None]) ** 2).sum(axis=2).astype(np.float32)
    expected = squareform(_t_sne._joint_probabilities(squares, 10.0, 0))
    np.testing.assert_allclose(affinities(VECTORS, 10.0), expected, atol=1e-6)


def test_the_gradient_is_that_of_the_divergence() -> None:
    p, y, step = affinities(VECTORS[::4], 4.0), RNG.normal(size=(15, 2)), 1e-6
    slope = gradient(p, y)
    for i, axis in ((0, 0), (7, 1), (14, 0)):
        moved = np.zeros_like(y)
        moved[i, axis] = step
        numeric = (divergence(p, y + moved) - divergence(p, y - moved)) / (2 * step)
        assert slope[i, axis] == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_groups_stay_together_and_as_near_as_scikit_learns() -> None:
    from sklearn.manifold import TSNE

    places = tsne(VECTORS)
    near = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(near, np.inf)
    assert (GROUPS[near.argmin(axis=1)] == GROUPS).all()
    p = affinities(VECTORS, 59 / 3)
    theirs = TSNE(perplexity=59 / 3, init="pca", random_state=0, max_iter=300).fit_transform(VECTORS)
    assert divergence(p, places) < divergence(p, theirs) + 0.05
    assert (tsne(VECTORS) == places).all()


@pytest.mark.parametrize("vectors", [np.ones((9, 3)), np.repeat(np.eye(2), 4, axis=0)])
def test_equal_vectors_do_no_harm(vectors: np.ndarray) -> None:
    assert np.isfinite(tsne(vectors)).all()
