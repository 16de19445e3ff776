"""Clips on longer grids: no clicks, no dip, and an honest mask."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.synthesis.diffusion.wrap import FADE_S, offsets, own_frames, wrapped

RATE = 16_000
FADE = round(FADE_S * RATE)


def tone(samples: int, hz: float = 123.43, channels: int = 1) -> np.ndarray:
    t = np.arange(samples) / RATE
    return np.stack([np.sin(2 * np.pi * hz * t + c) for c in range(channels)]).astype(np.float32)


def largest_step(audio: np.ndarray) -> float:
    return float(np.abs(np.diff(audio, axis=1)).max())


@pytest.mark.parametrize("seconds", [6, 10, 11, 12, 16, 18])
def test_no_clicks_at_any_duration_and_offset(seconds: int) -> None:
    clip = tone(seconds * RATE, channels=2)
    samples = -(-seconds * RATE // 10_240) * 10_240 + 10_240
    rng = np.random.default_rng(seconds)
    for offset in (0, 1, *rng.integers(offsets(clip.shape[1], samples, RATE), size=3)):
        heard, own = wrapped(clip, samples, RATE, int(offset))
        assert heard.shape == (2, samples)
        assert heard.dtype == np.float32
        # Two tones crossing add up to no more than sqrt(2) of one; the fades' own slope is far below a tone's.
        assert largest_step(heard) < 1.5 * largest_step(clip)
        assert own.shape == (samples,)
    # A plain repetition jumps: the test can fail.
    assert largest_step(np.concatenate([clip, clip], axis=1)) > 1.5 * largest_step(clip)


def test_noise_steps_no_further_and_keeps_its_power() -> None:
    rng = np.random.default_rng(0)
    powers, steps = [], []
    for _ in range(200):
        clip = rng.standard_normal((1, RATE // 4)).astype(np.float32)
        heard, own = wrapped(clip, RATE // 2, RATE)
        join = slice(RATE // 4 - FADE, RATE // 4)
        assert not own[join].any()
        steps.append(largest_step(heard[:, join.start - 1 : join.stop + 1]) / largest_step(clip))
        powers.append(np.mean(heard[:, join] ** 2))
    assert np.median(steps) < 1
    assert max(steps) < 1.5
    assert abs(np.mean(powers) - 1) < 0.03  # an amplitude cross-fade would leave two thirds


def test_at_offset_0_the_clip_stands_where_it_stood() -> None:
    clip = tone(RATE, channels=2)
    before = clip.copy()
    heard, own = wrapped(clip, RATE + 5000, RATE)
    np.testing.assert_array_equal(heard[:, : RATE - FADE], clip[:, : RATE - FADE])
    np.testing.assert_array_equal(heard[:, RATE : RATE + 1000], clip[:, FADE : FADE + 1000])
    np.testing.assert_array_equal(own, np.arange(RATE + 5000) < RATE - FADE)
    np.testing.assert_array_equal(clip, before)


@pytest.mark.parametrize("offset", [0, 7, FADE, 5000, RATE - FADE - 1])
@pytest.mark.parametrize("samples", [RATE + 1, RATE + 5120, 3 * RATE + 17])
def test_what_is_own_is_the_clip_once(samples: int, offset: int) -> None:
    clip = np.arange(1, RATE + 1, dtype=np.float32)[None]  # every sample says its place
    heard, own = wrapped(clip, samples, RATE, offset)
    places = heard[0, own]
    assert len(set(places.tolist())) == own.sum()
    assert set(places.tolist()) <= set(clip[0].tolist())
    # All that was heard once and is no cross-fade; the samples under the cross-fades are the rest.
    first = RATE - FADE - offset
    reach = first + max(0, min(samples - first, offset) - FADE)
    assert own.sum() == reach
    np.testing.assert_array_equal(heard, wrapped(clip, samples, RATE, offset)[0])


def test_a_longer_clip_is_cropped() -> None:
    clip = tone(RATE)
    assert offsets(RATE, 10_000, RATE) == 6001
    heard, own = wrapped(clip, 10_000, RATE, 6000)
    np.testing.assert_array_equal(heard, clip[:, 6000:])
    assert own.all()
    heard[:] = 0
    assert clip.any()
    assert offsets(RATE, RATE, RATE) == 1
    np.testing.assert_array_equal(wrapped(clip, RATE, RATE)[0], clip)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 40])
def test_the_shortest_clips(length: int) -> None:
    heard, own = wrapped(np.ones((1, length), np.float32), 100, RATE)
    assert np.isfinite(heard).all()
    assert heard.min() > 0.9
    assert 1 <= own.sum() <= length


@pytest.mark.parametrize(("samples", "offset"), [(2 * RATE, -1), (2 * RATE, RATE - FADE), (10_000, 6001)])
def test_offsets_out_of_range(samples: int, offset: int) -> None:
    with pytest.raises(ValueError, match="offset"):
        wrapped(tone(RATE), samples, RATE, offset)


def test_frames() -> None:
    own = np.ones(1600, dtype=np.bool_)
    own[[160, 479, 1599]] = False
    np.testing.assert_array_equal(np.flatnonzero(~own_frames(own, 160)), [1, 2, 9])
    assert own_frames(own[:1599], 160).shape == (9,)
