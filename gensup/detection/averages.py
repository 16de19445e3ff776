"""What poolings share: which tokens are averaged, and the averages."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.detection.parts import Tokens
from gensup.errors import GensupError

Over: TypeAlias = Literal["time", "both", "frequency"]
"""Over time each place on the frequency axis keeps a vector of its own; over both all tokens are alike."""

Negative: TypeAlias = Literal["clamp", "keep"]
"""What a power mean does with negative numbers: GeM's own clamping to FLOOR, or powers that keep the sign."""

FLOOR = 1e-6  # as in the code of Radenovic et al. (2019)


def rows(tokens: Tokens, over: Over) -> NDArray[np.float32]:
    """(n, dim): what is averaged, one row a place that goes."""
    time, freq, dim = tokens.x.shape
    if over == "time":
        return tokens.x.reshape(time, freq * dim)
    if over == "both":
        return tokens.x.reshape(time * freq, dim)
    return tokens.x.transpose(1, 0, 2).reshape(freq, time * dim)


def deviation(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) Euclidean distance of each row from the mean row, over the largest one; zeros where all rows are equal."""
    distance = np.linalg.norm(frames - frames.mean(axis=0), axis=1)
    most = distance.max()
    return np.asarray(distance / most if most > 0 else np.zeros_like(distance))


def deviation_weights(frames: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """(n,) weights of relative deviation pooling, with sum 1; equal where all rows are.

    Any positive scale of the deviation cancels: the normaliser that the paper's text leaves out does not matter.
    """
    powers = deviation(frames) ** gamma
    total = powers.sum()
    return np.asarray(powers / total) if total > 0 else np.full(len(frames), 1 / len(frames))


def power_mean(
    frames: NDArray[np.float64], weights: NDArray[np.float64], p: float, negative: Negative
) -> NDArray[np.float64]:
    """(dim,): (sum of weights x^p)^(1/p) of (n, dim) rows."""
    if negative == "clamp":
        clamped = np.maximum(frames, FLOOR)
        largest = clamped.max(axis=0)  # taken out: a tenth power of 1e-40 would be zero
        return np.asarray(largest * (weights @ (clamped / largest) ** p) ** (1 / p))
    mean = weights @ (np.sign(frames) * np.abs(frames) ** p)
    return np.asarray(np.sign(mean) * np.abs(mean) ** (1 / p))


def check_power(p: float) -> None:
    """GensupError unless p is a power that a mean may have."""
    if not 1 <= p <= 64:
        raise GensupError("out of range", where="pooling.p", value=p, rule="1 (mean) to 64 (nearly the maximum)")


def check_gamma(gamma: float) -> None:
    """GensupError unless gamma may sharpen deviations."""
    if not 0 <= gamma <= 64:
        raise GensupError("out of range", where="pooling.gamma", value=gamma, rule="0 (mean) to 64")
