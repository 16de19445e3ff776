"""Score histograms and severity ladders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gensup.reporting.drawing import ANOMALY, DASHES, INK, MARKERS, MUTED, NORMAL, SERIES, Picture, picture, plain

Rungs: TypeAlias = Sequence[tuple[float, float]]
"""Severity and median AUC, from weak to strong."""

BINS = 44
EDGE = 0.01  # share of the scores beyond either end of the axis, counted in the outermost bar


def histogram(normal: NDArray[np.float64], anomaly: NDArray[np.float64], name: str, threshold: float | None) -> Picture:
    """How one trial scores normal clips and anomalies, each group as shares of itself."""
    every = np.concatenate([normal, anomaly])
    low, high = (float(q) for q in np.quantile(every, [EDGE, 1 - EDGE]))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)

    def share(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        counted, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
        return np.asarray(100 * counted / len(scores))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.stairs(share(normal), edges, fill=True, color=NORMAL, alpha=0.55, label=f"normal ({len(normal)})")
        axes.stairs(share(anomaly), edges, color=ANOMALY, linewidth=2, label=f"anomalies ({len(anomaly)})")
        if threshold is not None and edges[0] <= threshold <= edges[-1]:
            axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label="threshold")
        axes.set_xlabel("anomaly score")
        axes.set_ylabel("share of the group, %")
        axes.grid(axis="y")
        figure.legend(loc="outside upper center", ncols=3)

    above = float(np.mean(anomaly[:, None] > np.median(normal)))
    alt = (
        f"score histogram of {name}: {len(normal)} normal clips, median {np.median(normal):.4g}; "
        f"{len(anomaly)} anomalies, median {np.median(anomaly):.4g}, {above:.0%} of them above the normal median"
    )
    return picture(520, 320, alt, draw)


def ladder(mechanism: str, rungs: Mapping[str, Rungs], read: Mapping[str, float], difficulty: float) -> Picture:
    """Median AUC of the candidates against severity, a line a family of one mechanism."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(difficulty, color=MUTED, linestyle=(0, (5, 4)), linewidth=1.2)
        severities = sorted({severity for points in rungs.values() for severity, _ in points})
        if severities[0] > 0:
            axes.set_xscale("log", base=2)
        for i, (name, points) in enumerate(sorted(rungs.items())):
            _climb(axes, i, name, points, read[name])
        axes.set_xticks(severities, [f"{severity:g}" for severity in severities])
        axes.minorticks_off()
        axes.set_ylim(min(0.45, *(median for points in rungs.values() for _, median in points)) - 0.02, 1.02)
        axes.set_xlabel("severity")
        axes.set_ylabel("median AUC")
        axes.grid(axis="y")
        figure.legend(loc="outside lower center", ncols=2)

    said = (
        f"{name} {points[0][1]:.2f} at {points[0][0]:g} to {points[-1][1]:.2f} at {points[-1][0]:g}, "
        f"read at {read[name]:.3g}"
        for name, points in sorted(rungs.items())
    )
    height = 280 + 20 * -(-len(rungs) // 2)
    return picture(400, height, f"median AUC against severity, {mechanism}: {'; '.join(said)}", draw)


def _climb(axes: Axes, i: int, name: str, points: Rungs, read: float) -> None:
    """One family's ladder, an open mark at the severity that is read."""
    severities, medians = np.array(points).T
    colour, marker = SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)]
    dashes = DASHES[i // len(SERIES) % len(DASHES)]
    axes.plot(severities, medians, color=colour, linestyle=dashes, marker=marker, markersize=4, label=plain(name))
    # Between two rungs the line is straight on the axis as it is drawn: logarithmic, unless a severity is zero.
    along = np.log if min(read, severities[0]) > 0 else np.asarray
    height = np.interp(along(read), along(severities), medians)
    open_mark: dict[str, Any] = {"marker": marker, "markersize": 10, "markerfacecolor": "none", "markeredgewidth": 2}
    axes.plot(read, height, markeredgecolor=colour, **open_mark)
