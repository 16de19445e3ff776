"""Pseudo-attributes: clips of a machine whose names say nothing are divided by how they sound."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gensup.detection.examples import Examples
from gensup.detection.kmeans import partition
from gensup.detection.parts import LABELS

MOST = 8  # groups that the criterion chooses from
CLEAR = 0.25  # silhouette below which the clips are one group: twenty clips of noise reach 0.2
FEWEST = 8  # clips of a label that are divided
DIMENSIONS = 6


def refined(normals: Examples, kind: str, groups: int, seed: int) -> tuple[str, ...]:
    """Labels of all clips; those that are ``plain`` get the number of their group behind their own, as "...~2".

    Args:
        kind: a member of ``detection.labels``.
        groups: into so many; 0 takes the number from 2 to 8 whose silhouette (Rousseeuw, 1987) is best, and leaves a
            label whole where none is clear.

    Raises:
        GensupError: a clip that cannot be read, or the kind is unknown.
    """
    labels = list(normals.label or ("",) * len(normals))
    if normals.plain is None or not normals.plain.any():
        return tuple(labels)
    describe = LABELS.load(kind).describe
    for label in sorted({labels[i] for i in np.flatnonzero(normals.plain)}):
        rows = [i for i in np.flatnonzero(normals.plain) if labels[i] == label]
        if len(rows) < max(FEWEST, 2 * groups):
            continue
        x = np.stack([describe(normals.audio[i].read(), normals.audio[i].rate) for i in rows])
        for i, group in zip(rows, divided(x, groups, seed), strict=True):
            labels[i] = f"{label}~{group}"
    return tuple(labels)


def divided(x: NDArray[np.float64], groups: int, seed: int) -> NDArray[np.intp]:
    """(rows,) group of each row of (rows, dim), by k-means on the first principal components; of one unit."""
    from sklearn.metrics import silhouette_score

    centred = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    points: NDArray[Any] = u[:, :DIMENSIONS] * s[:DIMENSIONS]
    if groups:
        return partition(points, groups, seed % 2**32)
    best, found = CLEAR, np.zeros(len(x), dtype=np.intp)
    for k in range(2, min(MOST, len(x) // 4) + 1):
        labels = partition(points, k, seed % 2**32)
        if len(np.unique(labels)) < 2:
            continue
        clear = float(silhouette_score(points, labels))
        if clear > best:
            best, found = clear, labels
    return found
