"""ROC curves where it matters: few false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.reporting.axes import Axes, ticks
from gensup.reporting.drawing import DASHES, SERIES, Canvas, Picture

Scores: TypeAlias = NDArray[np.float64]

SHOWN = 2.0  # times the largest false-alarm rate that counts
SAID = (0.01, 0.05, 0.1)  # false-alarm rates at which a curve is said in words


def curve(normal: Scores, anomaly: Scores) -> tuple[Scores, Scores]:
    """(corners,) false-alarm rates and detection rates from (0, 0) to (1, 1); across a tie the curve is straight."""
    thresholds = np.unique(np.concatenate([normal, anomaly]))
    # Whole counts first: 2 of 40 are 0.05, and 1 - 38 / 40 is not.
    alarms, found = (
        (len(scores) - np.searchsorted(np.sort(scores), thresholds)) / len(scores) for scores in (normal, anomaly)
    )
    return np.concatenate([[0.0], alarms[::-1]]), np.concatenate([[0.0], found[::-1]])


def roc(detectors: Sequence[tuple[str, Scores, Scores]], max_fpr: float) -> Picture:
    """A line a detector, given by its name and its scores of normal clips and of anomalies.

    Args:
        max_fpr: where the partial AUC ends, which a dashed line marks.
    """
    end = min(1.0, SHOWN * max_fpr)
    canvas = Canvas(520, 306 + 18 * len(detectors))
    axes = Axes(canvas=canvas, left=52, top=14, width=456, height=246, x=(0, end), y=(0, 1.02))
    axes.y_ticks(ticks(0, 1), grid=True)
    canvas.line([(axes.across(0), axes.up(0)), (axes.across(end), axes.up(end))], "muted", width=1, dash="2 3")
    bound = axes.across(max_fpr)
    canvas.line([(bound, axes.top), (bound, axes.bottom)], "muted", width=1.2, dash="6 4")
    said = []
    for i, (name, normal, anomaly) in enumerate(detectors):
        alarms, found = curve(normal, anomaly)
        inside = alarms <= end
        points = [*zip(alarms[inside], found[inside], strict=True), (end, at(alarms, found, end))]
        colour, dash = SERIES[i % len(SERIES)], DASHES[i % len(DASHES)]
        canvas.line([(axes.across(x), axes.up(y)) for x, y in points], colour, width=2.2, dash=dash)
        y = 314 + 18 * i
        canvas.line([(52, y - 4), (76, y - 4)], colour, width=2.2, dash=dash)
        canvas.text(82, y, name, longest=64)
        rates = ", ".join(f"{at(alarms, found, rate):.0%} at {rate:.0%}" for rate in SAID)
        said.append(f"{name} finds {rates} false alarms")
    axes.frame()
    axes.x_ticks(ticks(0, end))
    axes.called("false-alarm rate", "share of anomalies found")
    return canvas.picture(f"ROC curves at false-alarm rates up to {end:.0%}: {'; '.join(said)}")


def at(alarms: Scores, found: Scores, rate: float) -> float:
    """The detection rate at a false-alarm rate: the highest that a threshold reaches, straight between corners."""
    place = int(np.searchsorted(alarms, rate, side="right"))
    if place == len(alarms):
        return float(found[-1])
    left, right = alarms[place - 1], alarms[place]
    share = (rate - left) / (right - left)
    return float(found[place - 1] + share * (found[place] - found[place - 1]))
