"""A clip on a grid that is longer: its end goes over into its begin; and which of it is the clip's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gensup.audio.files import Audio

FADE_S = 0.02


def offsets(length: int, samples: int, rate: int) -> int:
    """How many offsets a clip of ``length`` samples has on a grid of ``samples``: draw one below this number."""
    return length - samples + 1 if samples <= length else length - _fade(length, rate)


def wrapped(audio: Audio, samples: int, rate: int, offset: int = 0) -> tuple[Audio, NDArray[np.bool_]]:
    """The clip from ``offset`` on, going round as often as ``samples`` ask for; a longer clip is cropped.

    Where it goes round, the last 20 ms (a quarter of a shorter clip) are crossed with the first. Equal power, since a
    clip's end and its begin are as good as uncorrelated: their powers add up, where amplitudes would leave a dip of
    3 dB. At offset 0 all but those last 20 ms stand where they stood, bit for bit.

    Args:
        audio: (channels, samples), at ``rate`` Hz. Never written to.
        offset: in samples, below ``offsets``.

    Returns:
        (channels, samples) float32, and (samples,): whether a sample is the clip's own, alone and for the first time.
        Of a clip that is wrapped, a cross-fade's samples are not, nor those that come again.

    Raises:
        ValueError: an offset out of range.
    """
    length = audio.shape[1]
    if not 0 <= offset < offsets(length, samples, rate):
        raise ValueError(f"offset {offset} of a clip of {length} samples on a grid of {samples}")
    if samples <= length:
        return audio[:, offset : offset + samples].astype(np.float32), np.ones(samples, dtype=np.bool_)
    fade = _fade(length, rate)
    round_trip = length - fade
    angle = (np.arange(fade, dtype=np.float64) + 0.5) / max(1, fade) * (np.pi / 2)
    crossed = audio[:, round_trip:] * np.cos(angle) + audio[:, :fade] * np.sin(angle)
    again = np.concatenate([crossed, audio[:, fade:round_trip]], axis=1)
    place = offset + np.arange(samples)
    first = place < round_trip
    heard = np.where(first, audio[:, np.minimum(place, length - 1)], again[:, place % round_trip])
    after = place - round_trip
    return heard.astype(np.float32), first | ((after >= fade) & (after < offset))


def own_frames(own: NDArray[np.bool_], hop: int) -> NDArray[np.bool_]:
    """Of each frame of ``hop`` samples, whether all are the clip's own: (samples // hop,), for a masked loss.

    A frame's analysis window is wider than its hop; what it sees of its neighbours is theirs to answer for.
    """
    frames = len(own) // hop
    return np.asarray(own[: frames * hop].reshape(frames, hop).all(axis=1))


def _fade(length: int, rate: int) -> int:
    return min(round(FADE_S * rate), length // 4)
