"""The benchmark of recipes: sets found, recipes fitted, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from benchmarks import detectors
from benchmarks.feature_tables import FeatureSet
from gensup.rng import generator


def recordings(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    for condition, tone in (("normal", 0.0), ("anomaly", 0.5)):
        for i in range(10):
            place = folder / "fan" / condition
            place.mkdir(parents=True, exist_ok=True)
            sound = 0.1 * rng.normal(size=8000) + tone * np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
            soundfile.write(place / f"{i:02d}.wav", sound, 16000)
    return folder


def test_a_set_by_recipes_without_weights(tmp_path: Path) -> None:
    names = ["mean-gmm", "max-gmm"]
    detectors.main(["--sets", str(recordings(tmp_path / "sets")), "--detector", *names, "--out", str(tmp_path)])
    text = (tmp_path / "detectors.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith("| sets |"))
    assert "6; 4 + 10" in row
    assert row.count("1.000 / 1.000") == 2  # a tone that no normal clip has


def test_who_contends() -> None:
    found = detectors.contenders(3)
    assert {"twfr-gmm", "mean-gmm", "smote-twfr-gmm"} <= set(found)
    assert not {"genrep", "gen-twfr-gmm", "gisp-system-1"} & set(found)
    for recipe, params in found.values():
        assert params.get("frontend.epochs", 0) <= 3
        assert recipe.trained or params == dict(recipe.default)


def test_a_table_by_every_backend() -> None:
    rng = generator("table of a test")
    train, test = rng.normal(size=(60, 1, 6)), rng.normal(size=(40, 1, 6))
    test[20:] += 6
    features = FeatureSet("shifted", train.astype(np.float32), test.astype(np.float32), np.arange(40) >= 20, "")
    row = detectors.of_table(features, "tests")
    assert set(row.reached) == set(detectors.backends())
    for name, reached in row.reached.items():
        if "cosine" not in name and "True" not in name:  # directions know nothing of lengths
            assert reached.auc > 0.9, name
    low, high = row.chance
    assert 0.2 < low < 0.5 < high < 0.8
