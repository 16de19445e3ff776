"""How good every configuration of a recipe is by the twins: a heat map along two axes, a line along one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gensup.reporting.drawing import NORMAL, Picture, picture, plain
from gensup.reporting.run_folder import FamilyScores
from gensup.reporting.slices import Slice, short

COLOURS = "cividis"
UNIT = "weighted mean utility"
WIDTH, SMALL_WIDTH = 860, 340
MOST_TICKS, SMALL_TICKS = 11, 5
MARKS = {"chosen": ("o", 1.0), "default": ("s", 0.8)}  # a ring, a square


def main_map(part: Slice, values: Sequence[float]) -> Picture:
    """Weighted mean utility of every configuration, with the chosen one and the default marked."""
    here = part.here(values)
    marks = "".join(f"; {name} at {part.words(name)}" for name in part.marked)
    alt = f"{UNIT} of {part.recipe} over {' and '.join(part.axes)}: {min(here):.3f} to {max(here):.3f}{marks}"
    if len(part.axes) == 1:
        return picture(WIDTH, 300, alt, lambda figure: _line(figure, part, values))

    def draw(figure: Figure) -> None:
        _mark(_heat(figure, part, values, (min(here), max(here)), UNIT, MOST_TICKS), part, size=15)

    return picture(WIDTH, 110 + 36 * min(12, len(part.values[1])), alt, draw)


def family_map(part: Slice, name: str, family: FamilyScores, scale: tuple[float, float]) -> Picture:
    """One family's AUC on a scale that all families share."""

    def draw(figure: Figure) -> None:
        _mark(_heat(figure, part, family.auc, scale, "AUC", SMALL_TICKS), part, size=9)

    here = part.here(family.auc)
    alt = f"AUC of {part.recipe} on {name} at severity {family.severity:.3g}: {min(here):.3f} to {max(here):.3f}"
    return picture(SMALL_WIDTH, 180, alt, draw)


def _heat(
    figure: Figure, part: Slice, values: Sequence[float], scale: tuple[float, float], unit: str, most: int
) -> Axes:
    axes = figure.add_subplot()
    image = axes.imshow(
        np.ma.masked_invalid(part.grid(values)), origin="lower", aspect="auto", interpolation="none", cmap=COLOURS,
        vmin=scale[0], vmax=max(scale[1], scale[0] + 1e-9),
    )  # fmt: skip
    bar = figure.colorbar(image, ax=axes, pad=0.015, fraction=0.05)
    bar.set_label(unit)
    bar.outline.set_visible(False)
    _ticks(axes, part, most)
    axes.set_yticks(range(len(part.values[1])), [plain(short(value)) for value in part.values[1]])
    axes.set_ylabel(plain(part.axes[1].rpartition(".")[2]))
    return axes


def _line(figure: Figure, part: Slice, values: Sequence[float]) -> None:
    axes = figure.add_subplot()
    axes.plot(part.grid(values)[0], color=NORMAL, marker="o", markersize=5)
    axes.grid(axis="y")
    axes.margins(y=0.2)
    _ticks(axes, part, MOST_TICKS)
    axes.set_ylabel(UNIT)
    _mark(axes, part, size=15, heights=part.grid(values)[0].tolist())


def _ticks(axes: Axes, part: Slice, most: int) -> None:
    """As many of the first axis's values as there is room for, evenly spaced from one end to the other."""
    values = part.values[0]
    last = len(values) - 1
    step = next(step for step in range(1, last + 1) if last % step == 0 and last // step < most)
    at = range(0, len(values), step)
    axes.set_xticks(at, [plain(short(values[i])) for i in at])
    axes.set_xlabel(plain(part.axes[0].rpartition(".")[2]))
    axes.set_xlim(-0.5, len(values) - 0.5)


def _mark(axes: Axes, part: Slice, size: float, heights: Sequence[float] | None = None) -> None:
    """White shapes in black outline, which show on any cell and on any page."""
    for name, place in part.marked.items():
        shape, scale = MARKS[name]
        x, y = place[0], place[1] if heights is None else heights[place[0]]
        look: dict[str, Any] = {
            "marker": shape,
            "markersize": size * scale,
            "markerfacecolor": "none",
            "linestyle": "none",
            "clip_on": False,
        }
        axes.plot(x, y, **look, markeredgecolor="#000000", markeredgewidth=size * 0.3, zorder=5)
        axes.plot(x, y, **look, markeredgecolor="#ffffff", markeredgewidth=size * 0.14, zorder=6)
