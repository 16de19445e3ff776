"""Dropouts: how often, how long, how deep, and sparks where they end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.synthesis.faults.dropout import Dropout

RATE = 16_000
SECONDS = 60
FAULT = Dropout(severity=1.0, seed=4, rate_hz=2.0, length_ms=50.0, edge_ms=2.0, attenuation_db=20.0, spark_db=-40.0)
T = np.arange(SECONDS * RATE) / RATE
TONE = (0.1 * np.sin(2 * np.pi * 200 * T)).astype(np.float32)[None]


def gain(fault: Dropout) -> np.ndarray:
    """RMS of each of the tone's periods over its own."""
    made = fault.apply(TONE, RATE)[0].astype(float)
    return np.asarray(np.sqrt(np.mean(made.reshape(-1, 80) ** 2, axis=1)) / (0.1 / np.sqrt(2)))


def test_they_are_as_many_and_as_long_as_said() -> None:
    starts_s, stops_s = FAULT._moments(10 * len(T), RATE)
    inside = starts_s < 10 * SECONDS
    assert inside.sum() == pytest.approx(2 * 10 * SECONDS, rel=0.1)
    assert np.mean((stops_s - starts_s)[inside]) == pytest.approx(0.05, rel=0.1)
    off = FAULT._off(starts_s, stops_s, 10 * len(T), RATE)
    # The share of time of a process that is on for some and off for others: 1 - exp(-rate x length).
    assert off.mean() == pytest.approx(1 - np.exp(-2 * 0.05), rel=0.1)


@pytest.mark.parametrize(("severity", "left"), [(0.25, 0.562), (1.0, 0.1), (8.0, 0.0)])
def test_they_are_as_deep_as_said(severity: float, left: float) -> None:
    levels = gain(replace(FAULT, severity=severity))
    assert levels.min() == pytest.approx(left, abs=0.01)
    assert np.median(levels) == pytest.approx(1, abs=1e-3)


def test_it_sparks_where_the_sound_comes_back() -> None:
    rng = np.random.default_rng(0)
    clip = (0.01 * rng.standard_normal((1, SECONDS * RATE))).astype(np.float32)
    quiet, loud = (replace(FAULT, spark_db=db).apply(clip, RATE)[0].astype(float) for db in (-40.0, 20.0))
    sparks = (loud - quiet) ** 2
    _, stops_s = FAULT._moments(clip.shape[1], RATE)
    near = np.zeros(len(sparks), dtype=bool)
    for stop in stops_s[stops_s < SECONDS]:
        near[round(stop * RATE) : round((stop + 0.007) * RATE) + 1] = True
    assert sparks[near].sum() > 0.999 * sparks.sum()
    spectrum = np.abs(np.fft.rfft(loud - quiet)) ** 2
    assert spectrum[: 1700 * SECONDS].sum() < 0.1 * spectrum.sum()


def test_edges_are_as_wide_as_said() -> None:
    level = np.full((1, 5 * RATE), 0.1, dtype=np.float32)
    for edge_ms in (1.0, 10.0):
        made = replace(FAULT, edge_ms=edge_ms, spark_db=-40.0).apply(level, RATE)[0]
        steepest = np.abs(np.diff(made)).max() / 0.09
        assert steepest == pytest.approx(1 / (edge_ms / 1000 * RATE), rel=0.1)
