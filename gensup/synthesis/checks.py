"""What a made clip must be before anybody may learn from it."""

from __future__ import annotations

import numpy as np

from gensup.audio.files import Audio, valid
from gensup.errors import GensupError

NO_TRACE = "the fault left no trace in this clip"
NO_STRONGER = "no stronger than the rung before it: the fault has reached its physical bound in this clip"
NO_NUISANCE = "a nuisance left no trace in this clip"


def problem(normal: Audio, anomaly: Audio, rate: int, fainter: Audio | None = None) -> str | None:
    """What is wrong with a twin, in words; None when nothing is. Clips are compared as their files will hold them.

    Args:
        fainter: the same drawn fault on the rung before, where the ladder has one.
    """
    for name, audio in (("normal", normal), ("anomaly", anomaly)):
        if reason := _broken(audio, rate, name):
            return reason
    if anomaly.shape != normal.shape:
        return f"the anomaly has the shape {anomaly.shape}, its normal twin {normal.shape}"
    if np.array_equal(anomaly, normal):
        return NO_TRACE
    if fainter is not None and np.array_equal(anomaly, fainter):
        return NO_STRONGER
    return None


def problem_of_copy(copy: Audio, normal: Audio, rate: int) -> str | None:
    """What is wrong with a copy of a normal twin that something was done to; None when nothing is."""
    if reason := _broken(copy, rate, "nuisance"):
        return reason
    if copy.shape != normal.shape:
        return f"a nuisance has the shape {copy.shape}, its normal twin {normal.shape}"
    return NO_NUISANCE if np.array_equal(copy, normal) else None


def _broken(audio: Audio, rate: int, name: str) -> str | None:
    try:
        valid(audio, rate, name)
    except GensupError as error:
        return str(error)
    return None
