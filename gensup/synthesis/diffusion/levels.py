"""How loud a twin is: placed among the machine's own clips, and the same change of level for both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gensup.audio.files import SILENCE, Audio
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.synthesis.diffusion import front_end


def rms_db(audio: Audio) -> float:
    """Root mean square of all samples in dB of full scale; -inf for zeros."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    return float(10 * np.log10(power)) if power else float("-inf")


def placing_gain(normal: Audio, levels_db: Sequence[float], twin: str) -> float:
    """What ``normal`` is to be multiplied by, so that its level is one of the machine's: a quantile drawn by ``twin``.

    The gain never looks at the peak: a clip that goes beyond full scale by it is not clipped, and is written as floats.
    What is silent is left so.

    Args:
        levels_db: RMS of the machine's normal clips in dB of full scale.

    Raises:
        GensupError: no levels.
    """
    if not levels_db:
        raise GensupError("no levels to place a clip among", rule="twins made from noise need the machine's own levels")
    level = rms_db(normal)
    if level < 20 * np.log10(SILENCE):
        return 1.0
    target = float(np.quantile(np.asarray(levels_db, dtype=np.float64), generator("level", twin).random()))
    return float(10 ** ((target - level) / 20))


def normalised(audio: Audio) -> tuple[Audio, float]:
    """``front_end.peak_gain`` of a clip, (channels, samples): the loudest channel's gain for all, and that gain."""
    centred = audio - audio.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    gain = (float(np.abs(centred).max()) + front_end.SILENCE) / front_end.PEAK
    return np.asarray(centred / np.float32(gain), dtype=np.float32), gain


def change_db(normal: Audio, anomaly: Audio) -> float | None:
    """RMS of what differs over the normal twin's RMS; None: nothing does."""
    change = float(np.mean(np.square(anomaly - normal, dtype=np.float64)))
    level = float(np.mean(np.square(normal, dtype=np.float64)))
    return float(10 * np.log10(change / level)) if change and level else None
