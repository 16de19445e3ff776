"""Where clips lie by their sound: normal clips, normal twins and anomalies, each kind with a mark of its own."""

from __future__ import annotations

from collections.abc import Mapping

from gensup.reporting.axes import Axes
from gensup.reporting.drawing import MARKS, SERIES, Canvas, Mark, Picture
from gensup.reporting.run_folder import Neighbourhood

NAMED = 4  # mechanisms with a mark of their own
NORMAL, TARGET, TWIN, OTHER = "normal clips", "normal clips, target domain", "normal twins", "other anomalies"


def scatter(found: Neighbourhood, weight: Mapping[str, float]) -> Picture:
    """A mark a clip.

    Args:
        weight: of each mechanism; the heaviest are told apart.
    """
    heard = {mechanism for mechanism in found.mechanisms if mechanism is not None}
    named = sorted(heard, key=lambda mechanism: (-weight.get(mechanism, 0.0), mechanism))[:NAMED]
    styles = _styles(named)
    kinds = [_kind(found, i, named) for i in range(len(found.clips))]
    across, up = ([place[axis] for place in found.places] for axis in (0, 1))
    order = list(styles)
    counted = {kind: kinds.count(kind) for kind in order if kind in kinds}
    canvas = Canvas(760, 450 + 20 * -(-len(counted) // 2))
    axes = Axes(
        canvas=canvas, left=12, top=12, width=736, height=420, x=_around(across), y=_around(up)
    )  # fmt: skip
    canvas.rect(axes.left, axes.top, axes.width, axes.height, "grid", 0.35)
    for i in sorted(range(len(kinds)), key=lambda i: (order.index(kinds[i]), i)):
        mark, colour = styles[kinds[i]]
        canvas.mark(axes.across(across[i]), axes.up(up[i]), mark, 8, fill=colour, edge="surface", width=0.8)
    for place, (kind, count) in enumerate(counted.items()):
        x, y = 24 + 370 * (place % 2), 458 + 20 * (place // 2)
        canvas.mark(x, y - 4, styles[kind][0], 9, fill=styles[kind][1])
        canvas.text(x + 12, y, f"{kind} ({count})")
    said = ", ".join(f"{count} {kind}" for kind, count in counted.items())
    return canvas.picture(f"t-SNE of log-mel summaries of clips: {said}")


def _styles(named: list[str]) -> dict[str, tuple[Mark, str]]:
    """Mark and colour of every kind, what lies lowest first."""
    styles: dict[str, tuple[Mark, str]] = {
        NORMAL: ("circle", "blue"),
        TARGET: ("diamond", "sky"),
        TWIN: ("square", "green"),
    }
    styles[OTHER] = ("plus", "grey")
    marks = [mark for mark in MARKS if mark not in ("circle", "plus")]
    colours = [colour for colour in SERIES if colour not in ("blue", "sky", "green", "grey")]
    for i, mechanism in enumerate(named):
        styles[mechanism] = marks[i % len(marks)], colours[i % len(colours)]
    return styles


def _kind(found: Neighbourhood, i: int, named: list[str]) -> str:
    mechanism = found.mechanisms[i]
    if mechanism is not None:
        return mechanism if mechanism in named else OTHER
    if found.roles[i] == "sham":
        return TWIN
    return TARGET if found.target[i] else NORMAL


def _around(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
