"""The box of a plot: values to px, ticks, and what the axes are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

from gensup.reporting.drawing import CHARACTER, Canvas
from gensup.reporting.raster import Colours, raster

SIZE = 11  # px, of a tick's label


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """A box on a canvas whose left edge is ``x[0]`` and whose lower edge is ``y[0]``."""

    canvas: Canvas
    left: float  # px, as the next three
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def right(self) -> float:
        return self.left + self.width

    def across(self, value: float) -> float:
        """px from the left edge of the canvas."""
        return self.left + self.width * (value - self.x[0]) / (self.x[1] - self.x[0])

    def up(self, value: float) -> float:
        """px from the upper edge of the canvas."""
        return self.bottom - self.height * (value - self.y[0]) / (self.y[1] - self.y[0])

    def frame(self) -> None:
        """Lines at the left and below."""
        self.canvas.line([(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)], "muted")

    def x_ticks(self, ticks: Sequence[tuple[float, str]]) -> None:
        """A label at each value, less those that would run into the one before; the first always stands."""
        free = -float("inf")
        for value, label in ticks:
            at, half = self.across(value), len(label) * SIZE * CHARACTER / 2
            self.canvas.line([(at, self.bottom), (at, self.bottom + 4)], "muted")
            if at - half >= free:
                self.canvas.text(at, self.bottom + 16, label, size=SIZE, anchor="middle", colour="muted")
                free = at + half + 6

    def y_ticks(self, ticks: Sequence[tuple[float, str]], *, grid: bool = False) -> None:
        """A label at each value, with lines across the box if wanted; labels too near to the last are left out."""
        free = float("inf")
        for value, label in ticks:
            at = self.up(value)
            if at > free:
                continue
            free = at - SIZE - 1
            if grid:
                self.canvas.line([(self.left, at), (self.right, at)], "grid")
            self.canvas.line([(self.left - 4, at), (self.left, at)], "muted")
            self.canvas.text(self.left - 7, at + 4, label, size=SIZE, anchor="end", colour="muted", longest=14)

    def called(self, x: str, y: str) -> None:
        """What stands along the axes."""
        self.canvas.text(self.left + self.width / 2, self.bottom + 34, x, anchor="middle")
        self.canvas.text(14, self.top + self.height / 2, y, anchor="middle", upright=True)


def ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Round values in [low, high], at most ``most``, with their labels."""
    span = high - low
    if not span > 0:
        return [(low, f"{low:g}")]
    step = 10 ** floor(log10(span / most))
    step *= next(m for m in (1, 2, 5, 10, 20) if span / (step * m) <= most - 1)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    digits = max(0, -floor(log10(step) + 1e-9))
    return [(k * step, f"{k * step:.{digits}f}" if step < 1e4 else f"{k * step:g}") for k in range(first, last + 1)]


def key(canvas: Canvas, bar: Axes, colours: Colours, unit: str) -> None:
    """What the colours mean, in a bar at the right."""
    shades = np.linspace(1, 0, 64)[:, None]
    canvas.image(bar.left, bar.top, bar.width, bar.height, raster(shades, (0, 1), colours))
    for value, label in ticks(*bar.y):
        canvas.line([(bar.right, bar.up(value)), (bar.right + 3, bar.up(value))], "muted")
        canvas.text(bar.right + 6, bar.up(value) + 4, label.replace("-", "−"), size=11, colour="muted")
    canvas.text(canvas.width - 6, bar.top + bar.height / 2, unit, anchor="middle", upright=True)
