"""Labelled feature tables (.npz) as data sets: a clip is a vector, or a few along an axis that is pooled like time.

Known layouts, told by the arrays' names: ``X_train``, ``X_test``, ``y_test``; ``X_normal``, ``X_abnormal``; ``X``,
``y_anomaly``. Labels are 1 for an anomaly. Arrays of Python objects (file names, in some) are never unpickled: they are
left out. Where a table has no split, a fixed part of its normal clips is for training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.rng import generator

TRAIN_SHARE = 0.6  # of the normal clips of a table that has no split
MOST_NORMALS = 400  # training clips that are used: ten times as many candidates' fits would tell little more


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """Tokens of clips (clips, time, dim), float32; time is 1 where a clip is one vector."""

    name: str
    train: NDArray[np.float32]
    test: NDArray[np.float32]
    anomalous: NDArray[np.bool_]  # (test clips,)
    note: str  # what was done to the table


def read(path: Path) -> FeatureSet:
    """A table in one of the known layouts.

    Raises:
        GensupError: another layout, or no two normal clips and no anomaly.
    """
    arrays = _arrays(path)
    notes = []
    if {"X_train", "X_test", "y_test"} <= set(arrays):
        train, test, labels = arrays["X_train"], arrays["X_test"], arrays["y_test"] == 1
        notes.append("its own split")
    else:
        if {"X_normal", "X_abnormal"} <= set(arrays):
            normal, anomaly = arrays["X_normal"], arrays["X_abnormal"]
        elif {"X", "y_anomaly"} <= set(arrays):
            anomalous = arrays["y_anomaly"] == 1
            normal, anomaly = arrays["X"][~anomalous], arrays["X"][anomalous]
        else:
            raise GensupError("not a known feature table", where=str(path), value=", ".join(sorted(arrays)))
        order = generator("feature table", path.stem).permutation(len(normal))
        count = round(TRAIN_SHARE * len(normal))
        train, test = normal[order[:count]], np.concatenate([normal[order[count:]], anomaly])
        labels = np.arange(len(test)) >= len(normal) - count
        notes.append(f"seeded split, {TRAIN_SHARE:.0%} of the normals train")
    if len(train) > MOST_NORMALS:
        notes.append(f"{MOST_NORMALS} of {len(train)} normals")
        train = train[np.sort(generator("feature table", path.stem, "few").permutation(len(train))[:MOST_NORMALS])]
    if len(train) < 2 or not labels.any() or labels.all():
        raise GensupError("too little to judge by", where=str(path), rule="normal clips and anomalies")
    return FeatureSet(path.stem, _tokens(train), _tokens(test), np.asarray(labels), "; ".join(notes))


def _arrays(path: Path) -> Mapping[str, NDArray[np.generic]]:
    """The table's numbers, without arrays of Python objects."""
    found = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            try:
                array = file[name]
            except ValueError:  # of objects: reading it would run what its maker put there
                continue
            if array.dtype.kind in "biuf":
                found[name] = array
    return found


def _tokens(x: NDArray[np.generic]) -> NDArray[np.float32]:
    """(clips, time, dim): of (clips, dim, time), as modulation spectra are kept, or (clips, dim)."""
    wide = np.asarray(x, dtype=np.float32)
    return np.ascontiguousarray(wide[:, None] if wide.ndim == 2 else wide.transpose(0, 2, 1))
