"""What a made clip must be before anybody may learn from it."""

from __future__ import annotations

import numpy as np

from gensup.audio.files import Audio, valid
from gensup.errors import GensupError

NO_TRACE = "the fault left no trace in this clip"
NO_STRONGER = "no stronger than the rung before it: the fault has reached its physical bound in this clip"
NO_NUISANCE = "a nuisance left no trace in this clip"
TWICE = "the same samples as another clip of the set"

# A top is flat where this many samples in a row, near the clip's peak, hardly differ: a 50 Hz sine at 16 kHz moves
# forty times as far from one sample of its crest to the next.
FLAT, NEAR_PEAK, STILL = 4, 0.99, 1e-5
CLIPPED = 1e-3  # share of a clip's samples on flat tops: ten milliseconds of ten seconds


def problem(
    normal: Audio, anomaly: Audio, rate: int, fainter: Audio | None = None, *, samples: int | None = None
) -> str | None:
    """What is wrong with a twin, in words; None when nothing is. Clips are compared as their files will hold them.

    Args:
        fainter: the same drawn fault on the rung before, where the ladder has one.
        samples: how long both are to be; None: as long as each other.
    """
    for name, audio in (("normal", normal), ("anomaly", anomaly)):
        if reason := _broken(audio, rate, name):
            return reason
        if samples is not None and audio.shape[1] != samples:
            return f"{name}: the clip has {audio.shape[1]} samples, ordered were {samples}"
    if anomaly.shape != normal.shape:
        return f"the anomaly has the shape {anomaly.shape}, its normal twin {normal.shape}"
    if np.array_equal(anomaly, normal):
        return NO_TRACE
    if fainter is not None and np.array_equal(anomaly, fainter):
        return NO_STRONGER
    return None


def problem_of_generated(normal: Audio, anomaly: Audio, source: Audio | None) -> str | None:
    """What else is wrong with a twin that a model made, of a recording or of noise; None when nothing is."""
    if source is not None and clipped(source):
        return None  # the machine is recorded like that
    for name, audio in (("normal", normal), ("anomaly", anomaly)):
        if clipped(audio):
            return f"{name}: the clip is clipped, its source is not"
    return None


def clipped(audio: Audio) -> bool:
    """Whether ``audio`` (channels, samples) stands still at its own peak: what went over full scale, at any gain since.

    A vocoder ends in a hyperbolic tangent; what it saturates are flat tops, which a gain moves and does not round.
    """
    peak = float(np.abs(audio).max())
    top = np.abs(audio) >= NEAR_PEAK * peak
    still = top[:, 1:] & top[:, :-1] & (np.abs(np.diff(audio, axis=1)) <= STILL * peak)
    if still.shape[1] < FLAT - 1:
        return False
    run = np.lib.stride_tricks.sliding_window_view(still, FLAT - 1, axis=1).all(axis=2)
    return float(run.mean()) > CLIPPED


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
