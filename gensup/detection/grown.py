"""Training clips with others between them, fold by fold: a new clip is never fitted on where a parent is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gensup.detection.between import between
from gensup.detection.examples import Examples
from gensup.detection.resampling.smote import Smote
from gensup.rng import seed


def grown(
    normals: Examples, smote: Smote, fold: NDArray[np.intp], train: NDArray[np.bool_]
) -> tuple[Examples, NDArray[np.intp]]:
    """The clips with new ones behind them, and the fold (all,) of each: a new clip's is its parents', which share one.

    Target clips of a group and fold are made ``ratio`` times as many as its source clips; fewer than two have nothing
    between them. Guan et al. (ICASSP 2023) interpolate samples, which mixes two sounds at random gains.

    Raises:
        GensupError: a clip that cannot be read.
    """
    if normals.target_domain is None:
        return normals, fold
    found = normals
    folds = [fold]
    groups = np.asarray(normals.group)
    for group in dict.fromkeys(normals.group):
        for place in np.unique(fold[train & (groups == group)]):
            mine = train & (groups == group) & (fold == place)
            target = np.flatnonzero(mine & normals.target_domain)
            missing = int(smote.ratio * int((mine & ~normals.target_domain).sum())) - len(target)
            if missing <= 0 or len(target) < 2 or smote.at == "embedding":
                continue
            drawn = seed("grown", group, int(place))
            pairs = between(normals.audio, normals.key, target, missing, smote.k, smote.at, drawn)
            parents = normals.take(pairs.parent)
            label = None if parents.label is None else ("",) * len(parents)  # no network is trained on it
            found = found.followed_by(replace(parents, audio=pairs.clips, key=pairs.keys, label=label))
            folds.append(fold[pairs.parent])
    return found, np.concatenate(folds)
