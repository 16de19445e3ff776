"""A clip's own events, lifted off its background, for the mechanisms that move, double or weaken them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from gensup.audio.profile import Span, find_events
from gensup.synthesis.frames import Frames

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile

HOP_S = 0.004  # frames of 16 ms
HEADROOM = 1.5  # even smoothed, noise exceeds its mean power now and then: up to here it is background


@dataclass(frozen=True, slots=True, eq=False)
class OwnEvents:
    """Where events stand and how they sound: taking ``sound`` out and putting ``beneath`` in leaves the background."""

    spans: tuple[Span, ...]
    sound: NDArray[np.float32]  # (channels, samples), zero away from events; read-only, as the next
    beneath: NDArray[np.float32]  # noise like the background, as much of it as goes with the sound

    def chosen(self, share: float, seed: int) -> tuple[int, ...]:
        """Indices of the events that a fault of this seed touches: each with probability ``share``, at least one."""
        draws = np.random.default_rng(seed).random(len(self.spans))
        picked = np.flatnonzero(draws < share)
        return tuple((picked if len(picked) else np.argsort(draws)[:1]).tolist())

    def room_after(self, index: int) -> int:
        """Samples from an event's end to the next one's begin, or to the clip's end."""
        ends = [start for start, _ in self.spans[1:]] + [self.sound.shape[1]]
        return max(0, ends[index] - self.spans[index][1])

    def pieces(self) -> list[Span]:
        """Spans widened so that together they cover the clip: neighbours meet half-way."""
        middles = [(left[1] + right[0]) // 2 for left, right in pairwise(self.spans)]
        edges = [0, *middles, self.sound.shape[1]]
        return list(pairwise(edges))


def reason_without_events(profile: SoundProfile) -> str | None:
    """Why a machine has no events to change, or None."""
    return None if profile.events_s else "most of its normal clips show no events of their own"


def own_events(audio: Audio, rate: int) -> OwnEvents:
    """The events of ``audio`` (channels, samples). The last clips' are remembered: one clip gets many faults."""
    return _lifted(np.ascontiguousarray(audio, dtype=np.float32).tobytes(), audio.shape[0], rate)


@lru_cache(maxsize=2)
def _lifted(data: bytes, channels: int, rate: int) -> OwnEvents:
    audio = np.frombuffer(data, dtype=np.float32).reshape(channels, -1)
    spans = find_events(audio, rate)
    sound, beneath = np.zeros_like(audio), np.zeros_like(audio)
    if spans:
        for channel in range(channels):
            sound[channel], beneath[channel] = _parted(audio[channel], spans, rate)
    sound.flags.writeable = beneath.flags.writeable = False
    return OwnEvents(spans, sound, beneath)


def _parted(
    samples: NDArray[np.float32], spans: tuple[Span, ...], rate: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The events of (samples,), and the background that taking them out leaves too little of.

    Wiener filtering by power spectra, smoothed over three frames and three bins (Boll, IEEE ASSP 27, 1979; Lim &
    Oppenheim, Proc. IEEE 67, 1979). Background and event add in power, not in amplitude: what is left under a loud
    event is less than the background was, and noise of the background's spectrum makes up for it.
    """
    frames = Frames.of(len(samples), max(1, round(HOP_S * rate)))
    spectra = frames.spectra(samples)
    during = frames.touching(spans)
    outside = np.flatnonzero(~during & frames.whole)
    power = spectra.real**2 + spectra.imag**2
    background = power[outside].mean(axis=0) if len(outside) >= 8 else np.quantile(power, 0.1, axis=0)
    smooth = np.maximum(uniform_filter(power, 3, mode="nearest")[during], np.float32(1e-30))
    kept = np.sqrt(np.maximum(1 - HEADROOM * background / smooth, 0))
    missing = np.sqrt(np.maximum(background - (1 - kept) ** 2 * power[during], 0) / frames.energy)
    noise = frames.spectra(np.random.default_rng(0).standard_normal(len(samples), dtype=np.float32))
    return frames.sound(during, spectra[during] * kept), frames.sound(during, noise[during] * missing)
