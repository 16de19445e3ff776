"""Score histograms and severity ladders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.reporting.axes import Axes, ticks
from gensup.reporting.drawing import ANOMALY, DASHES, MARKS, NORMAL, NUISANCE, SERIES, Canvas, Picture

Rungs: TypeAlias = Sequence[tuple[float, float]]
"""Severity and the panel's median AUC, from weak to strong."""

Scores: TypeAlias = NDArray[np.float64]

BINS = 44
EDGE = 0.01  # share of the scores beyond either end of the axis, counted in the outermost bar
LOWEST = 0.45  # AUC at the foot of a ladder, unless a median lies below


def histogram(normal: Scores, nuisance: Scores, anomaly: Scores, name: str, threshold: float | None) -> Picture:
    """How one detector scores normal clips, their nuisance copies and anomalies, each group as shares of itself."""
    low, high = (float(q) for q in np.quantile(np.concatenate([normal, nuisance, anomaly]), [EDGE, 1 - EDGE]))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    groups = {"normal": (normal, NORMAL, ""), "nuisance copies of normal": (nuisance, NUISANCE, "5 3")}
    groups["anomalies"] = (anomaly, ANOMALY, "")
    shares = {what: _shares(scores, edges) for what, (scores, _, _) in groups.items() if len(scores)}
    canvas = Canvas(520, 330)
    most = max(float(share.max()) for share in shares.values())
    axes = Axes(
        canvas=canvas, left=52, top=34, width=456, height=246, x=(float(edges[0]), float(edges[-1])), y=(0, most * 1.05)
    )
    axes.y_ticks(ticks(0, most), grid=True)
    at = 52.0
    for what, share in shares.items():
        scores, colour, dash = groups[what]
        steps = [(float(edge), float(s)) for i, s in enumerate(share) for edge in edges[i : i + 2]]
        outline = [(axes.across(x), axes.up(y)) for x, y in [(edges[0], 0.0), *steps, (edges[-1], 0.0)]]
        if what == "normal":
            canvas.area(outline, colour, 0.55)
            canvas.rect(at, 10, 14, 10, colour, 0.55)
        else:
            canvas.line(outline, colour, width=2, dash=dash)
            canvas.line([(at, 15), (at + 16, 15)], colour, width=2, dash=dash)
        label = f"{what} ({len(scores)})"
        canvas.text(at + 21, 19, label)
        at += 46 + 6.2 * len(label)
    if threshold is not None and edges[0] <= threshold <= edges[-1]:
        x = axes.across(threshold)
        canvas.line([(x, axes.top), (x, axes.bottom)], "ink", width=1.2, dash="6 4")
        right = x > axes.left + 0.75 * axes.width
        canvas.text(x + (-5 if right else 5), axes.top + 10, "threshold", size=11, anchor="end" if right else "start")
    axes.frame()
    axes.x_ticks(ticks(*axes.x))
    axes.called("anomaly score", "share of the group, %")
    above = float(np.mean(anomaly[:, None] > np.median(normal)))
    copies = f"{len(nuisance)} nuisance copies, median {np.median(nuisance):.4g}; " if len(nuisance) else ""
    return canvas.picture(
        f"score histogram of {name}: {len(normal)} normal clips, median {np.median(normal):.4g}; {copies}"
        f"{len(anomaly)} anomalies, median {np.median(anomaly):.4g}, {above:.0%} of them above the normal median"
    )


def _shares(scores: Scores, edges: Scores) -> Scores:
    """(bins,) percent of the scores; what lies beyond is counted in the outermost bins."""
    counted, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
    return np.asarray(100 * counted / len(scores))


def ladder(mechanism: str, rungs: Mapping[str, Rungs], read: Mapping[str, float], difficulty: float) -> Picture:
    """The panel's median AUC against severity, a line a family of one mechanism, open marks where each is read."""
    names = sorted(rungs)
    severities = sorted({severity for points in rungs.values() for severity, _ in points})
    # A severity of zero has no place on a logarithmic axis.
    log = severities[0] > 0
    place = {severity: float(np.log2(severity)) if log else severity for severity in severities}
    medians = [median for points in rungs.values() for _, median in points]
    low, high = place[severities[0]], place[severities[-1]]
    margin = 0.04 * (high - low) or 0.5
    canvas = Canvas(400, 276 + 20 * -(-len(names) // 2))
    axes = Axes(
        canvas=canvas, left=50, top=12, width=338, height=208, x=(low - margin, high + margin),
        y=(min(LOWEST, *medians) - 0.02, 1.02),
    )  # fmt: skip
    axes.y_ticks(ticks(axes.y[0], 1.0), grid=True)
    canvas.line([(axes.left, axes.up(difficulty)), (axes.right, axes.up(difficulty))], "muted", width=1.2, dash="6 4")
    for i, name in enumerate(names):
        colour, mark = SERIES[i % len(SERIES)], MARKS[i % len(MARKS)]
        points = [(axes.across(place[severity]), axes.up(median)) for severity, median in rungs[name]]
        dash = DASHES[i // len(SERIES) % len(DASHES)]
        canvas.line(points, colour, width=1.7, dash=dash)
        for x, y in points:
            canvas.mark(x, y, mark, 5, fill=colour)
        canvas.mark(*_read_at(axes, rungs[name], read[name], log), mark, 12, edge=colour, width=2)
        x, y = 50 + 176 * (i % 2), 282 + 20 * (i // 2)
        canvas.line([(x, y - 4), (x + 22, y - 4)], colour, width=1.7, dash=dash)
        canvas.mark(x + 11, y - 4, mark, 6, fill=colour)
        canvas.text(x + 28, y, name, longest=24)
    axes.frame()
    axes.x_ticks([(place[severity], f"{severity:.3g}") for severity in severities])
    axes.called("severity", "median AUC")
    said = (
        f"{name} {rungs[name][0][1]:.2f} at {rungs[name][0][0]:g} to {rungs[name][-1][1]:.2f} at "
        f"{rungs[name][-1][0]:g}, read at {read[name]:.3g}"
        for name in names
    )
    return canvas.picture(f"the panel's median AUC against severity, {mechanism}: {'; '.join(said)}")


def _read_at(axes: Axes, points: Rungs, read: float, log: bool) -> tuple[float, float]:
    """px of the severity that is read, on the straight line between two rungs as the axis is drawn."""
    severities, medians = np.array(points).T
    along, at = (np.log2(severities), float(np.log2(read))) if log else (severities, read)
    return axes.across(at), axes.up(float(np.interp(at, along, medians)))
