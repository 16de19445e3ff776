"""Feature tables: their layouts, their labels, and that nothing in them is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.feature_tables import MOST_NORMALS, read
from gensup.errors import GensupError

RNG = np.random.default_rng(0)


class Trap:
    """Unpickling it ends the test."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (pytest.fail, ("a table's objects were unpickled",))


def test_a_table_with_its_own_split(tmp_path: Path) -> None:
    x = RNG.standard_normal((5, 6, 3)).astype(np.float16)
    np.savez(tmp_path / "a.npz", X_train=x, X_test=x[:4], y_test=np.array([0, 1, 0, 1], dtype=np.int8))
    found = read(tmp_path / "a.npz")
    # (clips, features, steps) on disk; steps are what is pooled.
    assert found.train.shape == (5, 3, 6)
    np.testing.assert_array_equal(found.train[2, 1], x[2, :, 1].astype(np.float32))
    assert found.anomalous.tolist() == [False, True, False, True]


def test_a_table_without_a_split(tmp_path: Path) -> None:
    x = np.arange(20, dtype=np.float32)[:, None] * np.ones(3, dtype=np.float32)
    labels = (np.arange(20) >= 15).astype(np.int8)
    np.savez(tmp_path / "labels.npz", X=x, y_anomaly=labels, columns=np.array(["a", "b", "c"]))
    np.savez(tmp_path / "apart.npz", X_normal=x[:15], X_abnormal=x[15:])
    for name in ("labels", "apart"):
        found = read(tmp_path / f"{name}.npz")
        assert found.train.shape == (9, 1, 3)
        assert found.test.shape == (11, 1, 3)
        assert sorted(found.test[found.anomalous][:, 0, 0]) == [15, 16, 17, 18, 19]
        normals = np.concatenate([found.train, found.test[~found.anomalous]])[:, 0, 0]
        assert sorted(normals) == list(range(15))
        assert "60%" in found.note


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    x = RNG.standard_normal((9, 4))
    np.savez(tmp_path / "a.npz", X_normal=x, X_abnormal=x[:3], files_normal=trap)
    assert len(read(tmp_path / "a.npz").test) == 4 + 3


def test_large_tables_are_thinned(tmp_path: Path) -> None:
    x = RNG.standard_normal((MOST_NORMALS + 5, 2))
    np.savez(tmp_path / "a.npz", X_train=x, X_test=x[:2], y_test=np.array([0, 1]))
    found = read(tmp_path / "a.npz")
    assert len(found.train) == MOST_NORMALS
    assert f"{MOST_NORMALS} of {MOST_NORMALS + 5}" in found.note


@pytest.mark.parametrize(
    "arrays", [{"X": np.zeros((3, 2))}, {"X_normal": np.zeros((3, 2)), "X_abnormal": np.zeros((0, 2))}]
)
def test_what_cannot_be_judged_by(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(GensupError):
        read(tmp_path / "a.npz")
