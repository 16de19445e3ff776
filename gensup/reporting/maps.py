"""How good every configuration of a recipe is by the twins: a heat map along two axes, a line along one."""

from __future__ import annotations

from collections.abc import Sequence

from gensup.reporting.axes import Axes, key, ticks
from gensup.reporting.drawing import NORMAL, Canvas, Mark, Picture
from gensup.reporting.raster import raster
from gensup.reporting.slices import Slice, short

UNIT = "weighted mean utility"
WIDTH = 860
MARKS: dict[str, tuple[Mark, float]] = {"default": ("square", 15), "built": ("circle", 13)}


def main_map(part: Slice, values: Sequence[float]) -> Picture:
    """Weighted mean utility of every configuration, with those that were built and the default marked."""
    here = part.here(values)
    marks = "".join(
        f"; {name} at {' and '.join(part.words(place) for place in places)}" for name, places in part.marked.items()
    )
    alt = f"{UNIT} of {part.recipe} over {' and '.join(part.axes)}: {min(here):.3f} to {max(here):.3f}{marks}"
    return (_line if len(part.axes) == 1 else _heat)(part, values).picture(alt)


def _heat(part: Slice, values: Sequence[float]) -> Canvas:
    rows, here = part.values[1], part.here(values)
    canvas = Canvas(WIDTH, 70 + 34 * min(12, max(3, len(rows))))
    axes = _box(canvas, part, WIDTH - 84 - 76, (-0.5, len(rows) - 0.5))
    canvas.image(
        axes.left, axes.top, axes.width, axes.height, raster(part.grid(values)[::-1], (min(here), max(here)), "cividis")
    )
    axes.y_ticks([(i, short(value)) for i, value in enumerate(rows)])
    _across(axes, part, part.axes[1].rpartition(".")[2])
    bar = Axes(
        canvas=canvas, left=axes.right + 10, top=axes.top, width=14, height=axes.height, x=(0, 1),
        y=(min(here), max(max(here), min(here) + 1e-9)),
    )  # fmt: skip
    key(canvas, bar, "cividis", UNIT)
    for name, places in part.marked.items():
        for x, y in places:
            _mark(axes, name, x, y)
    return canvas


def _line(part: Slice, values: Sequence[float]) -> Canvas:
    heights = part.grid(values)[0].tolist()
    low, high = min(heights), max(heights)
    margin = 0.2 * (high - low) or 0.05
    canvas = Canvas(WIDTH, 300)
    axes = _box(canvas, part, WIDTH - 84 - 16, (low - margin, high + margin))
    axes.y_ticks(ticks(*axes.y), grid=True)
    points = [(axes.across(i), axes.up(height)) for i, height in enumerate(heights)]
    canvas.line(points, NORMAL, width=1.7)
    for x, y in points:
        canvas.mark(x, y, "circle", 5, fill=NORMAL)
    _across(axes, part, UNIT)
    for name, places in part.marked.items():
        for (x,) in places:
            _mark(axes, name, x, heights[x])
    return canvas


def _box(canvas: Canvas, part: Slice, width: float, y: tuple[float, float]) -> Axes:
    across = (-0.5, len(part.values[0]) - 0.5)
    return Axes(canvas=canvas, left=84, top=12, width=width, height=canvas.height - 12 - 46, x=across, y=y)


def _across(axes: Axes, part: Slice, up: str) -> None:
    axes.frame()
    axes.x_ticks([(i, short(value)) for i, value in enumerate(part.values[0])])
    axes.called(part.axes[0].rpartition(".")[2], up)


def _mark(axes: Axes, name: str, x: float, y: float) -> None:
    """White in black outline, which shows on any cell and on any page."""
    shape, size = MARKS[name]
    axes.canvas.mark(axes.across(x), axes.up(y), shape, size, edge="black", width=4)
    axes.canvas.mark(axes.across(x), axes.up(y), shape, size, edge="white", width=1.8)
