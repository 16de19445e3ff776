"""Candidates on tables: held-out scores are held out, and views do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from benchmarks.feature_tables import FeatureSet
from benchmarks.validity.records import Case
from benchmarks.validity.tables import BACKENDS, View, case_of, machine_of, views
from gensup.detection.backends.gmm import Gmm


def test_one_machine_in_several_tables() -> None:
    assert {machine_of(name) for name in ("fan0", "fan-id_00", "fan_id_00_-6dB")} == {"fan 0"}
    assert machine_of("ToyCar2") == "ToyCar 2"
    assert machine_of("something") == "something"


def test_views() -> None:
    rng = np.random.default_rng(0)
    clips = rng.standard_normal((40, 3, 10)).astype(np.float32)
    np.testing.assert_allclose(View(1.0, None).vectors(clips), clips.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(View(0.0, None).vectors(clips), clips.max(axis=1), atol=1e-6)
    train, queries = (part.mean(axis=1) for part in (clips[:30], clips[30:]))
    x, y = View(1.0, 4).fitted(train, queries)
    standardised = (train - train.mean(axis=0)) / train.std(axis=0)
    reference = PCA(4).fit(standardised)
    np.testing.assert_allclose(np.abs(x), np.abs(reference.transform(standardised)), atol=1e-4)
    other = (queries - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(np.abs(y), np.abs(reference.transform(other)), atol=1e-4)
    assert len(set(views(3))) == 10
    assert len(set(views(1))) == 3


@pytest.fixture(scope="module")
def outlier() -> Case:
    """One training clip is unlike all others."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((50, 1, 6)).astype(np.float32)
    x[7] += 30
    return case_of(FeatureSet("machine", x, x[:20] + 0.01, np.arange(20) >= 10, ""), "made")


def test_scores_are_of_models_that_never_heard_the_clip(outlier: Case) -> None:
    case = outlier
    table = case.table
    assert len(table.trials) == 3 * len(BACKENDS)
    assert table.default in {trial.id for trial in table.trials}
    normal = [i for i, c in enumerate(table.columns) if c.role == "normal"]
    odd = [i for i in normal if table.columns[i].source == "00007"]
    assert len(odd) == 3  # arrangements
    knn = [i for i, t in enumerate(table.trials) if t.params["backend.kind"] == "knn" and t.params["backend.k"] == 1]
    for row in knn:
        if table.trials[row].params["backend.metric"] == "euclidean":
            # Its nearest neighbour is far, since it is not its own.
            assert min(table.scores[row, odd]) > max(table.scores[row, [i for i in normal if i not in odd]])
            # With all clips fitted it is.
            assert case.test[row, 7] < 1
    for i in odd:
        fold = table.columns[i].fold
        twins = [c for c in table.columns if c.source == "00007" and c.repeat == table.columns[i].repeat]
        assert {c.fold for c in twins} == {fold}


def test_the_default_is_the_published_recipe(outlier: Case) -> None:
    case = outlier
    (trial,) = (t for t in case.table.trials if t.id == case.table.default)
    assert trial.params["backend.n_components"] == Gmm().n_components == 2
    assert trial.params["pooling.decay"] == 1.0
    assert trial.params["pca"] is None
