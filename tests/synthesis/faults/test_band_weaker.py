"""A band's loss: how much, where, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.band_weaker import BandWeaker

RATE = 16_000
FAULT = BandWeaker(severity=1.0, seed=0, attenuation_db=6.0, low_hz=1000.0, high_hz=3000.0)
CLIP = (0.01 * np.random.default_rng(0).standard_normal((1, 5 * RATE))).astype(np.float32)


def level_db(clip: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(clip[0])) ** 2
    return float(10 * np.log10(power[round(5 * low_hz) : round(5 * high_hz)].mean()))


@pytest.mark.parametrize(("severity", "lost"), [(0.25, 1.5), (1.0, 6.0), (2.0, 12.0), (4.0, 24.0)])
def test_the_band_falls_by_what_is_said(severity: float, lost: float) -> None:
    made = replace(FAULT, severity=severity).apply(CLIP, RATE)
    assert level_db(CLIP, 1000, 3000) - level_db(made, 1000, 3000) == pytest.approx(lost, abs=0.2)
    for below, above in ((50, 850), (3400, 7900)):
        assert level_db(made, below, above) == pytest.approx(level_db(CLIP, below, above), abs=0.02)


def test_it_can_do_no_more_than_go() -> None:
    gone = replace(FAULT, severity=30.0).apply(CLIP, RATE)
    assert level_db(gone, 1010, 2990) < level_db(CLIP, 1010, 2990) - 40


def test_a_band_stays_a_band_below_half_the_rate() -> None:
    profile = measure([CLIP], RATE)
    assert BandWeaker.inapplicable(profile, {"low_hz": [6500, 9000]}) is not None
    assert BandWeaker.inapplicable(profile, {}) is None
    drawn = BandWeaker.draw(profile, {"low_hz": [3000, 12_000]}, 1.0, np.random.default_rng(3))
    assert drawn.low_hz <= 0.8 * drawn.high_hz <= 0.4 * RATE
