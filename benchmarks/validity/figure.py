"""One figure: where the answer lies between a random candidate and the oracles, set by set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.validity.records import Outcome
from benchmarks.validity.results import GROUPS

MARKS = {
    "random": ("o", "#9a9a9a", "random candidate"),
    "default": ("D", "#d95f02", "published default"),
    "answer": ("o", "#1b4f9c", "what the verdict builds"),
    "cross-fit oracle": ("|", "#2c7a2c", "chosen with half of the labels"),
}


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the figure as SVG or PNG, by the path's suffix."""
    from matplotlib.figure import Figure

    groups = [(kind, [o for o in outcomes if o.kind == kind]) for kind in GROUPS]
    groups = [(kind, sorted(members, key=_place)) for kind, members in groups if members]
    tallest = max(len(members) for _, members in groups)
    figure = Figure(figsize=(5.6 * len(groups), 1.9 + 0.23 * tallest), layout="constrained")
    axes = figure.subplots(1, len(groups), squeeze=False)[0]
    for ax, (kind, members) in zip(axes, groups, strict=True):
        heights = np.arange(len(members))
        for y, o in zip(heights, members, strict=True):
            low, high = sorted((o.mean("random"), o.mean("in-sample oracle")))
            ax.plot([low, high], [y, y], color="#d8d8d8", linewidth=5, solid_capstyle="butt", zorder=1)
            ax.plot([o.mean("default"), o.mean("answer")], [y, y], color="#1b4f9c", linewidth=1, alpha=0.5, zorder=2)
        for name, (marker, colour, label) in MARKS.items():
            values = [o.mean(name) for o in members]
            size = 90 if marker == "|" else 26
            ax.scatter(values, heights, marker=marker, color=colour, s=size, label=label, zorder=3, linewidths=1.4)
        ax.set_yticks(heights, [_label(o) for o in members], fontsize=7)
        ax.set_ylim(len(members) - tallest - 0.8, len(members) - 0.2)
        ax.set_title(f"{GROUPS[kind]} ({len(members)})", fontsize=10)
        ax.set_xlabel("official-shaped score, mean over ten halves")
        ax.grid(axis="x", color="#eeeeee")
        ax.set_axisbelow(True)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        frameon=False,
        fontsize=9,
        title="grey bar: from a random candidate to the best one there is; (n) few clips, (s) labels known before",
        title_fontsize=8,
    )
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _place(o: Outcome) -> tuple[bool, float]:
    """Small sets below; the others by what the answer gains on the default."""
    gain = o.mean("answer") - o.mean("default")
    return (not o.small, -1.0 if np.isnan(gain) else gain)


def _label(o: Outcome) -> str:
    return o.case.replace("_features", "") + (" (n)" if o.small else "") + (" (s)" if o.seen else "")
