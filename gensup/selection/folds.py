"""Cross-fitting folds, stratified so that every fold hears every domain and operating condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.rng import generator
from gensup.selection.constants import constants

FEWEST_OF_A_CONDITION = 4  # clips: half of them ask, half are others' negatives


def repeats(clips: int) -> int:
    """How many arrangements of folds a machine with so many normal clips gets."""
    fixed = constants()
    return fixed.repeats if clips < fixed.repeats_under else 1


def arrange(strata: Sequence[str], names: Sequence[str], seed: int, repeat: int = 0) -> NDArray[np.intp]:
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
        rng = generator("folds", seed, stratum, *([repeat] if repeat else []))
        order += [members[i] for i in rng.permutation(len(members))]
    fold = np.empty(len(strata), dtype=np.intp)
    fold[order] = np.arange(len(strata)) % folds
    return fold


def leave_out(
    conditions: Sequence[str], names: Sequence[str], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]] | None:
    """Folds that each leave one operating condition out: (fold, also, asks), each (clips,), or None for one condition.

    Half of a condition's clips *ask*: they are scored in the condition's own fold, by a model that never heard it. The
    others are scored in another fold, as its held-out negatives, and are *also* left out of their own condition's.
    """
    counted = {c: sum(other == c for other in conditions) for c in sorted(set(conditions))}
    left = sorted((c for c, n in counted.items() if n >= FEWEST_OF_A_CONDITION), key=lambda c: (-counted[c], c))
    left = left[: constants().folds]
    if len(left) < 2:
        return None
    fold = np.full(len(conditions), -1, dtype=np.intp)
    also = np.full(len(conditions), -1, dtype=np.intp)
    asks = np.zeros(len(conditions), dtype=bool)
    dealt = 0
    for condition in sorted(counted):
        members = sorted((i for i, c in enumerate(conditions) if c == condition), key=lambda i: names[i])
        own = left.index(condition) if condition in left else -1
        others = [k for k in range(len(left)) if k != own]
        for place, i in enumerate(generator("left out", seed, condition).permutation(len(members))):
            clip = members[i]
            also[clip] = own
            if own >= 0 and place % 2 == 0:
                fold[clip], asks[clip] = own, True
            else:
                fold[clip] = others[dealt % len(others)]
                dealt += 1
    return fold, also, asks
