"""What frontends do to samples before they look at them: another rate, another length, nothing below a frequency."""

from __future__ import annotations

from math import gcd

import numpy as np
import torch
from scipy.signal import butter, firwin, sosfilt
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

from gensup.detection.laid import ORDER
from gensup.errors import GensupError

SETTLED = 1e-10  # of a filter's response: what comes after is left out
BLOCK = 256  # samples that are filtered at once
MOST_TAPS = 1 << 14  # 30 Hz at 48 kHz


class Resampled(nn.Module):
    """(1, samples) from ``rate`` to ``wanted`` Hz: ``audio.files.resampled`` as one convolution.

    SciPy's polyphase filter repeats itself every ``up`` output samples, which are the channels of the convolution.
    """

    weight: Tensor

    def __init__(self, rate: int, wanted: int) -> None:
        super().__init__()
        common = gcd(rate, wanted)
        self.up, self.down = wanted // common, rate // common
        if self.up == self.down:
            return
        half = 10 * max(self.up, self.down)
        response = firwin(2 * half + 1, 1 / max(self.up, self.down), window=("kaiser", 5.0)) * self.up
        self.before = -(-half // self.up)
        width = self.before + (half + (self.up - 1) * self.down) // self.up + 1
        # Output q up + r hears input q down + t - before through this tap:
        tap = half + np.arange(self.up)[:, None] * self.down - (np.arange(width) - self.before) * self.up
        inside = (tap >= 0) & (tap < len(response))
        weight = np.where(inside, response[np.clip(tap, 0, len(response) - 1)], 0)
        self.register_buffer("weight", torch.from_numpy(weight[:, None].astype(np.float32)))

    def forward(self, waveform: Tensor) -> Tensor:
        if self.up == self.down:
            return waveform
        count = -(-waveform.shape[1] * self.up // self.down)
        blocks = -(-count // self.up)
        needed = (blocks - 1) * self.down + self.weight.shape[2]
        padded = pad(waveform, (self.before, max(0, needed - self.before - waveform.shape[1])))
        found = conv1d(padded[None], self.weight, stride=self.down)[0, :, :blocks]
        return found.T.reshape(1, -1)[:, :count]


class HighPassed(nn.Module):
    """(1, samples) above ``low`` Hz: ``laid.high_passed``, by the part of its response that has not died away.

    In double precision, as products with a band of the response: runtimes have no convolution of it.

    Raises:
        GensupError: the response is too long.
    """

    band: Tensor

    def __init__(self, rate: int, low: float) -> None:
        super().__init__()
        self.taps = 0
        if not 0 < low < rate / 2:
            return
        impulse = np.zeros(2 * MOST_TAPS)
        impulse[0] = 1
        response = sosfilt(butter(ORDER, low, "highpass", fs=rate, output="sos"), impulse)
        left = np.cumsum(np.abs(response)[::-1])[::-1]
        self.taps = int(np.count_nonzero(left > SETTLED))
        if self.taps > MOST_TAPS:
            raise GensupError(
                "this part cannot be exported",
                where="frontend.high_pass",
                value=low,
                rule=f"a response of at most {MOST_TAPS} samples",
                remedy="fit a detector with a higher one, or with 0",
            )
        band = np.zeros((BLOCK + self.taps - 1, BLOCK))
        for place in range(BLOCK):
            band[place : place + self.taps, place] = response[: self.taps][::-1]
        self.register_buffer("band", torch.from_numpy(band))

    def forward(self, waveform: Tensor) -> Tensor:
        if not self.taps:
            return waveform
        count = waveform.shape[1]
        padded = pad(waveform.double(), (self.taps - 1, -count % BLOCK))[0]
        return (padded.unfold(0, len(self.band), BLOCK) @ self.band).reshape(1, -1)[:, :count].float()


def tiled(waveform: Tensor, length: int) -> Tensor:
    """(1, length): ``laid.tiled``."""
    times = -(-length // waveform.shape[1])
    return waveform.repeat(1, times)[:, :length]


def cut(waveform: Tensor, length: int) -> Tensor:
    """(1, length): the beginning, filled up with zeros."""
    return pad(waveform[:, :length], (0, max(0, length - waveform.shape[1])))
