"""Between a machine's rate and a model's: as steep and as clean as soxr, for twins pass here twice."""

from __future__ import annotations

from math import gcd

import numpy as np

from gensup.audio.files import Audio

PASSED = 0.913  # of the lower rate's half: soxr's own figure for its high quality
STEEP = 4.0  # the response falls as erfc from -4 to 4 between there and that half: by 156 dB
PAD_S = 0.05  # of zeros, in which the filter rings out: what it has left after so long is below -150 dB


def resampled(audio: Audio, rate: int, wanted: int) -> Audio:
    """(channels, samples) at ``wanted`` Hz; itself when the rates agree.

    A filter of linear phase, in one Fourier transform: flat up to 0.913 of the lower rate's half, nothing from that
    half on, as soxr at high quality. ``audio.files.resampled`` is softer: it lets through at -30 dB what lies
    12 % above that half, and a model would make a sound of the alias.
    """
    if rate == wanted:
        return audio
    from scipy import fft
    from scipy.special import erfc

    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    samples = audio.shape[1]
    blocks = fft.next_fast_len(-(-(samples + round(PAD_S * rate)) // down), real=True)
    spectrum = fft.rfft(audio.astype(np.float64), blocks * down, axis=1)
    half = min(rate, wanted) / 2
    kept = blocks * min(up, down) // 2 + 1  # bins up to that half
    hz = np.arange(kept) * (rate / (blocks * down))
    place = (hz / half - (1 + PASSED) / 2) / ((1 - PASSED) / 2)  # -1 where it begins to fall, 1 where it has fallen
    response = erfc(STEEP * place) / 2 * (up / down)
    moved = fft.irfft(spectrum[:, :kept] * response, blocks * up, axis=1)
    return np.asarray(moved[:, : -(-samples * up // down)], dtype=np.float32)
