"""What a made clip must be before anybody may learn from it."""

from __future__ import annotations

import numpy as np

from gensup.audio.files import Audio, valid
from gensup.errors import GensupError
from gensup.synthesis.records import Order, TwinAudio


def problem(twin: TwinAudio, order: Order) -> str | None:
    """What is wrong with a twin, in words; None when nothing is."""
    for name, audio in (("normal", twin.normal), ("anomaly", twin.anomaly)):
        if reason := _broken(audio, order.rate, name):
            return reason
    if twin.anomaly.shape != twin.normal.shape:
        return f"the anomaly has the shape {twin.anomaly.shape}, its normal twin {twin.normal.shape}"
    if np.array_equal(twin.anomaly, twin.normal):
        return "the fault left no trace in this clip"
    return None


def _broken(audio: Audio, rate: int, name: str) -> str | None:
    try:
        valid(audio, rate, name)
    except GensupError as error:
        return str(error)
    return None
