"""Levels of twins: placed among the machine's own, or undone."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.errors import GensupError
from gensup.synthesis.diffusion.front_end import peak_gain
from gensup.synthesis.diffusion.levels import change_db, normalised, placing_gain, rms_db


def noise(rms: float, channels: int = 1) -> np.ndarray:
    return (rms * np.random.default_rng(0).standard_normal((channels, 16_000))).astype(np.float32)


def test_a_sine_of_full_scale_is_3_db_below_it() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000).astype(np.float32)[None]
    assert rms_db(sine) == pytest.approx(-3.01, abs=0.01)
    assert rms_db(sine * 0) == float("-inf")


def test_twins_are_as_loud_as_the_machine_s_clips() -> None:
    own = np.random.default_rng(1).normal(-30, 4, 200)
    clip = noise(0.3)
    placed = [rms_db(clip) + 20 * np.log10(placing_gain(clip, list(own), f"twin {i}")) for i in range(2000)]
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(placed, quantile) == pytest.approx(np.quantile(own, quantile), abs=0.6)
    assert min(placed) >= own.min() - 1e-6
    assert max(placed) <= own.max() + 1e-6
    assert placing_gain(clip, list(own), "twin 3") == placing_gain(clip, list(own), "twin 3")


def test_silence_is_not_made_loud_and_levels_are_needed() -> None:
    assert placing_gain(noise(0.0), [-20.0], "t") == 1
    with pytest.raises(GensupError, match="no levels"):
        placing_gain(noise(0.1), [], "t")


def test_one_channel_is_normalised_as_the_front_end_does_it() -> None:
    import torch

    clip = noise(0.1) + np.float32(0.03)
    ours, gain = normalised(clip)
    theirs, undo = peak_gain(torch.from_numpy(clip))
    assert np.allclose(ours, theirs.numpy(), atol=1e-6)
    assert gain == pytest.approx(float(undo), rel=1e-6)
    assert np.abs(ours).max() == pytest.approx(0.5, rel=1e-5)


def test_the_loudest_channel_decides_for_all() -> None:
    clip = np.concatenate([noise(0.1), 0.25 * noise(0.1)])
    ours, gain = normalised(clip)
    assert gain == normalised(clip[:1])[1]
    assert np.allclose(ours[1], 0.25 * ours[0], atol=1e-4)  # channels keep their balance


def test_change_is_relative_to_the_normal_twin() -> None:
    clip = noise(0.1)
    assert change_db(clip, clip * np.float32(1.1)) == pytest.approx(-20, abs=0.01)
    assert change_db(clip, clip) is None
