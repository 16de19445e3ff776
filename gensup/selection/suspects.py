"""Normal clips that do not sound like the others: one that is broken already would make twins of a broken machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.selection.constants import constants

FEWEST = 5  # clips of a stratum, or there is nothing to be unlike
SD_OF_MAD = 1.4826  # of a normal distribution


def suspects(scores: NDArray[np.float64], strata: Sequence[str]) -> list[tuple[int, float]]:
    """Places of suspicious clips with their distance in robust standard deviations, the most suspicious first.

    A clip is compared with its own stratum (section and domain): ten target clips among a thousand of the source domain
    sound strange to every model, and are what they should be.

    Args:
        scores: (candidates, clips) out-of-fold scores of normal clips; the median candidate's word counts.
        strata: (clips,).
    """
    distance = np.zeros(scores.shape)
    for stratum in set(strata):
        members = np.array([s == stratum for s in strata])
        if members.sum() < FEWEST:
            continue
        own = scores[:, members]
        middle = np.median(own, axis=1, keepdims=True)
        spread = SD_OF_MAD * np.median(np.abs(own - middle), axis=1, keepdims=True)
        distance[:, members] = np.divide(own - middle, spread, out=np.zeros_like(own), where=spread > 0)
    typical = np.median(distance, axis=0)
    order = np.argsort(-typical, kind="stable")
    return [(int(i), float(typical[i])) for i in order if typical[i] > constants().suspect]
