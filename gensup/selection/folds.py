"""Cross-fitting folds, stratified so that every fold hears every domain and operating condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.rng import generator
from gensup.selection.constants import constants


def arrange(strata: Sequence[str], names: Sequence[str], seed: int) -> NDArray[np.intp]:
    """(clips,) fold of each clip: strata are dealt out one after the other, each in a random order of its own.

    Dealing on where the last stratum ended keeps the folds' sizes within one of each other. The order of the clips does
    not matter, their ``names`` do.

    Raises:
        GensupError: fewer than two clips.
    """
    if len(strata) < 2:
        raise GensupError(
            "too few normal clips", value=len(strata), rule="at least 2 of different sound, so that one can be held out"
        )
    folds = min(constants().folds, len(strata))
    by_name = sorted(range(len(strata)), key=lambda i: names[i])
    order: list[int] = []
    for stratum in sorted(set(strata)):
        members = [i for i in by_name if strata[i] == stratum]
        order += [members[i] for i in generator("folds", seed, stratum).permutation(len(members))]
    fold = np.empty(len(strata), dtype=np.intp)
    fold[order] = np.arange(len(strata)) % folds
    return fold
