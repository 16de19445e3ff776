"""A clip's own events, lifted off its background, for the mechanisms that move, double or weaken them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from gensup.audio.profile import Span, find_events

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile

HOPS = 4
HEADROOM = 1.5  # noise under an event varies about its median: what lies below this times it is left where it is


@dataclass(frozen=True, slots=True, eq=False)
class OwnEvents:
    """Where events stand and what they sound like: the clip is its background plus ``sound``."""

    spans: tuple[Span, ...]
    sound: NDArray[np.float32]  # (channels, samples), zero away from events; read-only

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
    sound = np.zeros_like(audio)
    if spans:
        for channel in range(channels):
            sound[channel] = _above_background(audio[channel], spans, rate)
    sound.flags.writeable = False
    return OwnEvents(spans, sound)


def _above_background(samples: NDArray[np.float32], spans: tuple[Span, ...], rate: int) -> NDArray[np.float32]:
    """What of (samples,) exceeds the background during events: spectral subtraction (Boll, IEEE ASSP 27, 1979)."""
    hop = max(1, round(0.004 * rate))
    size = HOPS * hop
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    padded = np.pad(samples, (size, 2 * size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    during = np.zeros(len(frames), dtype=np.bool_)
    # Frame i holds the samples from i * hop - size: all that touch an event belong to it.
    for start, stop in spans:
        during[max(0, start // hop) : -(-(stop + size) // hop)] = True
    spectrum = rfft(frames[during] * window, axis=1)
    outside = np.flatnonzero(~during & _inside(len(frames), len(samples), size, hop))
    if len(outside) >= 8:
        # 300 frames tell a median; the many others would only cost time.
        outside = outside[:: max(1, len(outside) // 300)]
        background = np.median(np.abs(rfft(frames[outside] * window, axis=1)), axis=0)
    else:
        background = np.quantile(np.abs(spectrum), 0.1, axis=0)
    magnitude = np.maximum(np.abs(spectrum), np.float32(1e-20))
    kept = np.maximum(1 - HEADROOM * background.astype(np.float32) / magnitude, 0)
    parts = np.zeros((len(frames), size), dtype=np.float32)
    # sqrt-Hann twice at a quarter hop sums to two.
    parts[during] = irfft(spectrum * kept, size, axis=1) * (window / 2)
    blocks = parts.reshape(len(frames), HOPS, hop)
    total = np.zeros((len(frames) + HOPS - 1, hop), dtype=np.float32)
    for k in range(HOPS):
        total[k : k + len(frames)] += blocks[:, k]
    return total.ravel()[size : size + len(samples)]


def _inside(count: int, samples: int, size: int, hop: int) -> NDArray[np.bool_]:
    """Which frames hold no padding."""
    first = np.arange(count) * hop - size
    return (first >= 0) & (first + size <= samples)
