"""What stands before and behind a back end, by its formula, and in a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from gensup.detection import detector
from gensup.detection.backends.knn import Knn
from gensup.detection.backends.local_density import LocalDensity
from gensup.detection.backends.mahalanobis import Mahalanobis
from gensup.detection.chain import fit
from gensup.detection.composed import Composed
from gensup.detection.examples import Examples
from gensup.detection.normalising.domain_minimum import DomainMinimum
from gensup.detection.normalising.z_score import ZScore
from gensup.detection.parts import NORMALISES, RESAMPLES
from gensup.detection.recipe import build
from gensup.detection.resampling.mem_mixup import MemMixup
from gensup.detection.resampling.smote import Smote
from gensup.engine import Inline
from gensup.errors import GensupError
from tests.detection.conftest import SMALL, N

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
TARGET = np.arange(40) >= 34
QUERIES = RNG.normal(size=(15, 6)).astype(np.float32)
BACKENDS = [Knn(), Mahalanobis(), LocalDensity(2)]
NORMALISED = [ZScore(), DomainMinimum(), DomainMinimum("own"), DomainMinimum("target")]


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
@pytest.mark.parametrize("normalise", NORMALISED, ids=repr)
@pytest.mark.parametrize("domain", [TARGET, None, np.zeros(40, dtype=bool)], ids=["both", "unknown", "source"])
def test_state_and_back(backend: Any, normalise: Any, domain: Any) -> None:
    whole = Composed(Smote(0.5, 2), backend, normalise)
    fitted = whole.fit(X, domain, 3)
    again = whole.restore(load(save(fitted.state())))
    scores = fitted.score(QUERIES)
    assert fitted.dim == again.dim == 6
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(again.score(QUERIES), scores)
    (swept,) = Composed.sweep([whole], X, domain, QUERIES, 3)
    np.testing.assert_array_equal(swept, scores)
    least = next(rows for rows in range(1, 100) if whole.unfit(rows) is None)
    assert np.isfinite(whole.fit(X[:least], None, 3).score(QUERIES)).all()
    for name, array in fitted.state().items():
        with pytest.raises(GensupError, match="do not fit together"):
            whole.restore(fitted.state() | {name: np.zeros((3,) * (array.ndim + 1))})


def test_every_member_is_tried() -> None:
    assert {n.name for n in NORMALISED} == set(NORMALISES.names())
    assert set(RESAMPLES.names()) == {"smote", "mem-mixup"}


def test_a_sweep_shares_what_is_resampled() -> None:
    configs = [Composed(r, b, None) for r in (None, Smote(), MemMixup(k=2)) for b in (Knn(), Knn(3), Mahalanobis())]
    swept = Composed.sweep(configs, X, TARGET, QUERIES, 5)
    for row, config in zip(swept, configs, strict=True):
        np.testing.assert_array_equal(row, config.fit(X, TARGET, 5).score(QUERIES))


def test_the_smaller_of_two_domains() -> None:
    source, target = Knn().fit(X[~TARGET], None, 0), Knn().fit(X[TARGET], None, 0)
    plain = DomainMinimum().fit(Knn(), X, TARGET, 0).score(QUERIES)
    np.testing.assert_array_equal(plain, np.minimum(source.score(QUERIES), target.score(QUERIES)))
    own_s = Knn().leave_one_out(X[~TARGET], None, 0)
    own_t = Knn().leave_one_out(X[TARGET], None, 0)
    z = [(m.score(QUERIES) - s.mean()) / own_t.std() for m, s in ((source, own_s), (target, own_t))]
    np.testing.assert_allclose(DomainMinimum("target").fit(Knn(), X, TARGET, 0).score(QUERIES), np.min(z, axis=0))
    z = [(m.score(QUERIES) - s.mean()) / s.std() for m, s in ((source, own_s), (target, own_t))]
    np.testing.assert_allclose(DomainMinimum("own").fit(Knn(), X, TARGET, 0).score(QUERIES), np.min(z, axis=0))


def test_smote_lies_between_neighbours() -> None:
    x, domain = Smote(0.5, 2)(X, TARGET, 1)
    assert domain is not None
    assert len(x) == len(domain) == 40 + 11  # half of 34 source clips
    np.testing.assert_array_equal(x[:40], X)
    assert domain[40:].all()
    own = X[TARGET].astype(np.float64)
    for new in x[40:]:
        # On the line between two of them: the way through it is no longer than the straight one.
        ways = np.linalg.norm(own - new, axis=1)
        around = ways[:, None] + ways[None] - np.linalg.norm(own[:, None] - own[None], axis=2) + 9 * np.eye(len(own))
        assert around.min() < 1e-5
    assert np.allclose(np.linalg.norm(Smote(0.5, 2, unit=True)(X, TARGET, 1)[0][40:], axis=1), 1, atol=1e-5)
    for domain in (None, np.arange(40) == 3, np.arange(40) >= 20):
        same, said = Smote(0.5)(X, domain, 1)
        assert same is X
        assert said is domain


def test_mem_mixup_is_the_papers_sum() -> None:
    x, domain = MemMixup(0.9, 990)(X, TARGET, 0)
    assert domain is not None
    assert len(x) == 40 + 6 * 34
    assert domain[40:].all()
    every = {tuple(np.round(0.9 * t + 0.1 * s, 4)) for t in X[TARGET] for s in X[~TARGET]}
    assert {tuple(np.round(row, 4)) for row in x[40:]} == every
    nearest = MemMixup(0.5, 1)(X, TARGET, 0)[0][40:]
    gaps = np.linalg.norm(X[TARGET][:, None] - X[~TARGET], axis=2)
    np.testing.assert_allclose(nearest, 0.5 * X[TARGET] + 0.5 * X[~TARGET][gaps.argmin(axis=1)], atol=1e-6)


def test_in_a_detector(clips: Examples, tmp_path: Path) -> None:
    params = {
        "frontend.kind": "log-mel",
        **SMALL,
        "pooling.kind": "mean",
        "resample.kind": "smote",
        "backend.kind": "knn",
        "normalise.kind": "domain-minimum",
        "normalise.scale": "own",
    }
    assert set(build(params).versions) == {"frontend", "pooling", "resample", "backend", "normalise"}
    normals = Examples(
        audio=clips.audio[:N], key=clips.key[:N], group=clips.group[:N], target_domain=np.arange(N) % 4 > 1
    )
    made = fit(Inline(), "own", ("machine", "section"), params, normals, np.arange(9.0), machine="fan")
    made.save(tmp_path)
    hissing = clips.take(np.arange(N, 2 * N))
    scores = made.score(hissing, Inline())
    assert scores.mean() > made.score(normals, Inline()).mean()
    np.testing.assert_array_equal(detector.load(tmp_path).score(hissing, Inline()), scores)
