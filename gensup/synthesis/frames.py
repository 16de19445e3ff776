"""A clip in overlapping frames, and back: unchanged spectra give the very sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

if TYPE_CHECKING:
    from gensup.audio.profile import Span

HOPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Frames of four hops under a root-Hann window, a hop apart, the clip's ends padded."""

    samples: int
    hop: int
    window: NDArray[np.float32]

    @classmethod
    def of(cls, samples: int, hop: int) -> Self:
        """Of a clip of so many samples, ``hop`` samples apart."""
        turns = np.arange(HOPS * hop) / (HOPS * hop)
        return cls(samples, hop, np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32))

    @property
    def count(self) -> int:
        return -(-self.samples // self.hop) + HOPS

    @property
    def energy(self) -> np.float32:
        """Power of each bin for white noise of variance one."""
        return np.float32(np.sum(self.window**2))

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which frames hold no padding."""
        first = (np.arange(self.count) - HOPS) * self.hop
        return (first >= 0) & (first + len(self.window) <= self.samples)

    def touching(self, spans: tuple[Span, ...]) -> NDArray[np.bool_]:
        """Which frames hold a sample of an event."""
        touched = np.zeros(self.count, dtype=np.bool_)
        for start, stop in spans:
            touched[start // self.hop + 1 : -(-stop // self.hop) + HOPS] = True
        return touched

    def spectra(self, signal: NDArray[np.float32]) -> NDArray[np.complex64]:
        """(frames, bins)"""
        padded = np.pad(signal, (len(self.window), len(self.window) + self.hop))
        views = np.lib.stride_tricks.sliding_window_view(padded, len(self.window))[:: self.hop][: self.count]
        return np.asarray(rfft(views * self.window, axis=1))

    def sound(self, chosen: NDArray[np.bool_], spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
        """(samples,) of the chosen frames, overlapping and added; the others are silent."""
        parts = np.zeros((self.count, HOPS, self.hop), dtype=np.float32)
        # The squared window, a quarter apart, sums to two.
        parts[chosen] = (irfft(spectra, len(self.window), axis=1) * (self.window / 2)).reshape(-1, HOPS, self.hop)
        total = np.zeros((self.count + HOPS - 1, self.hop), dtype=np.float32)
        for k in range(HOPS):
            total[k : k + self.count] += parts[:, k]
        return total.ravel()[len(self.window) : len(self.window) + self.samples]
