"""The envelope's spectrum: how often a machine turns, strokes and meshes (Chu & Qian, DCASE 2025, 2.1).

The report names envelope-spectrum analysis in the bands of the target sound, and no settings: band, rates and number of
lines are ours.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft, rfftfreq
from scipy.ndimage import median_filter
from scipy.signal import butter, hilbert, sosfiltfilt

from gensup.audio.files import Audio

BAND_HZ = (500.0, 6000.0)  # or up to 0.45 of the rate
RATES_HZ = (2.0, 200.0)  # of shafts, strokes and gear meshes
LINES = 48  # spaced evenly in the logarithm of the rate
AROUND = 31  # bins whose median is the floor that a line stands on


class Envelope:
    """Strength of the strongest line in each of 48 bands of rates, in dB over the floor around it, none below 0."""

    name: ClassVar[str] = "envelope"

    @staticmethod
    def describe(audio: Audio, rate: int) -> NDArray[np.float64]:
        """(48,) of (channels, samples), the first channel."""
        samples = audio[0].astype(np.float64)
        high = min(BAND_HZ[1], 0.45 * rate)
        band = sosfiltfilt(butter(4, [min(BAND_HZ[0], high / 4), high], "bandpass", fs=rate, output="sos"), samples)
        envelope = np.abs(hilbert(band, next_fast_len(len(band))))[: len(band)]
        spectrum = np.abs(rfft((envelope - envelope.mean()) * np.hanning(len(envelope))))
        rates = rfftfreq(len(envelope), 1 / rate)
        above = 20 * np.log10((spectrum + 1e-12) / (median_filter(spectrum, AROUND) + 1e-12))
        edges = np.geomspace(*RATES_HZ, LINES + 1)
        found = np.zeros(LINES)
        for line in range(LINES):
            inside = (rates >= edges[line]) & (rates < edges[line + 1])
            if inside.any():  # a short clip has no bin in the narrow bands of slow rates
                found[line] = max(0.0, float(above[inside].max()))
        return found
