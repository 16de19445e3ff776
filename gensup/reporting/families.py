"""The main figure: where every fault family ranks every candidate, side by side in the order of the Borda count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gensup.reporting.axes import Axes
from gensup.reporting.drawing import Canvas, Mark, Picture
from gensup.reporting.raster import raster
from gensup.reporting.run_folder import Run
from gensup.reporting.slices import ordered, short
from gensup.selection.records import Trial

ROW, GAP = 17.0, 5.0  # px of a family, and between mechanisms
LEFT, RIGHT, TOP = 286.0, 118.0, 66.0  # px beside and above the cells
WIDEST_CELL, CELLS = 40.0, 696.0  # px of one, and of all that there is room for
DIMMED = 0.35
SETTINGS = 6  # of the candidates, below the map
SHAPES: Mapping[str, tuple[Mark, str]] = {
    "fused": ("circle", "blue"),
    "built": ("circle", "blue"),
    "panel": ("diamond", "orange"),
    "default": ("square", "ink"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the map."""

    family: str
    mechanism: str
    status: str
    weight: float  # share of all weights
    ranks: NDArray[np.float64]  # (candidates,) 0 = best for this family, 1 = worst; in the map's order


def order(run: Run) -> list[Trial]:
    """The candidates, the first in the ranking first; without a ranking as they stand in the table."""
    trials = run.trials
    return [trials[trial] for trial, _ in run.verdict.ranking] or list(run.table.trials)


def lines(run: Run) -> list[list[Line]]:
    """The rows, mechanism by mechanism, those with most weight first."""
    place = {trial.id: i for i, trial in enumerate(run.table.trials)}
    across = [place[trial.id] for trial in order(run)]
    groups: dict[tuple[bool, str], list[Line]] = {}
    for name, report in run.verdict.families.items():
        # Rounded, so that what differs by the order of a sum does not differ.
        ranks = rankdata(-np.round(run.table.families[name].utility, 9))[across]
        line = Line(name, report.mechanism, report.status, report.weight, (ranks - 1) / max(1, len(ranks) - 1))
        groups.setdefault((report.weight > 0, report.mechanism), []).append(line)
    for group in groups.values():
        group.sort(key=lambda line: (-line.weight, line.family))
    ranked = sorted(groups, key=lambda key: (not key[0], -sum(line.weight for line in groups[key]), key[1]))
    return [groups[key] for key in ranked]


def family_map(run: Run) -> Picture:
    """Ranks as colours: rows are families by mechanism, columns candidates in the order of the Borda count."""
    groups, trials = lines(run), order(run)
    shown = _settings(trials)
    weightless = next((i for i, group in enumerate(groups) if not group[0].weight), None)
    # Room for the words that introduce those without weight, where there are others above.
    pause = 24.0 if weightless else 0.0
    high = sum(len(group) * ROW + GAP for group in groups) + pause
    wide = min(CELLS, WIDEST_CELL * len(trials))
    canvas = Canvas(round(LEFT + CELLS + RIGHT), round(TOP + high + 44 + ROW * len(shown) + 34))
    axes = Axes(canvas=canvas, left=LEFT, top=TOP, width=wide, height=high, x=(0.5, len(trials) + 0.5), y=(0, 1))
    _above(axes, run, trials)
    heaviest = max((line.weight for group in groups for line in group), default=0.0) or 1.0
    y = TOP
    for i, group in enumerate(groups):
        if pause and i == weightless:
            y += pause
            canvas.text(LEFT, y - 7, "without weight: these have no say", size=11, colour="muted")
        _group(axes, y, group, heaviest)
        y += len(group) * ROW + GAP
    _places(axes, len(trials), y)
    _below(axes, shown, y + 40)
    _colour_key(canvas, canvas.height - 22)
    return canvas.picture(_said(run, groups, trials))


def marked(run: Run) -> dict[str, frozenset[str]]:
    """Trials that stand out: what was built, the panel, the default."""
    built = "fused" if len(run.verdict.members) > 1 else "built"
    default = frozenset() if run.table.default is None else frozenset([run.table.default])
    found = {built: frozenset(run.verdict.members), "panel": frozenset(run.verdict.panel), "default": default}
    if run.verdict.form == "default":
        del found["built"]
    return {name: trials for name, trials in found.items() if trials}


def _above(axes: Axes, run: Run, trials: Sequence[Trial]) -> None:
    canvas = axes.canvas
    for i, (name, ids) in enumerate(marked(run).items()):
        y = 14 + 17 * i
        shape, colour = SHAPES[name]
        canvas.mark(LEFT - 14, y, shape, 9, fill=colour)
        canvas.text(LEFT - 26, y + 4, name, size=12, anchor="end")
        for place, trial in enumerate(trials, 1):
            if trial.id in ids:
                x = axes.across(place)
                canvas.line([(x, y), (x, TOP)], "muted", width=0.6)
                canvas.mark(x, y, shape, 9, fill=colour, edge="surface", width=0.8)
    canvas.text(axes.right + 10, TOP - 8, "weight, signature", size=11, colour="muted")


def _group(axes: Axes, y: float, group: Sequence[Line], heaviest: float) -> None:
    """The families of one mechanism."""
    canvas, weight = axes.canvas, bool(group[0].weight)
    colour = "ink" if weight else "muted"
    cells = raster(np.stack([1 - line.ranks for line in group]), (0, 1), "cividis")
    canvas.image(axes.left, y, axes.width, ROW * len(group), cells, 1 if weight else DIMMED)
    canvas.text(4, y + 12.5, group[0].mechanism, size=12, colour="muted", longest=22)
    for i, line in enumerate(group):
        top = y + ROW * i
        canvas.text(LEFT - 8, top + 12.5, line.family, anchor="end", colour=colour, longest=22)
        if weight:
            canvas.rect(axes.right + 10, top + 4, 34 * line.weight / heaviest, 9, "blue")
            said = f"{line.weight:.0%}" if line.weight >= 0.005 else "< 1%"
            canvas.text(axes.right + 48, top + 12.5, f"{said} {line.status}", size=11, colour="muted")
        else:
            canvas.text(axes.right + 48, top + 12.5, line.status, size=11, colour="muted")


def _places(axes: Axes, count: int, y: float) -> None:
    """The axis of places in the ranking."""
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 10**9) if count / s <= 10)
    box = Axes(canvas=axes.canvas, left=axes.left, top=y - 2, width=axes.width, height=0, x=axes.x, y=(0, 1))
    box.x_ticks([(place, str(place)) for place in (1, *range(step, count + 1, step)) if place == 1 or step >= 1])
    axes.canvas.text(LEFT - 8, y + 14, "place in the ranking", size=11, anchor="end", colour="muted")


def _settings(trials: Sequence[Trial]) -> list[tuple[str, NDArray[np.float64], str]]:
    """What varies among the candidates: its name, (candidates,) its value as a share of its range, and both ends."""
    paths = sorted({path for trial in trials for path in trial.varied})
    found = []
    recipes = sorted({trial.recipe for trial in trials})
    if len(recipes) > 1:
        places = np.array([recipes.index(trial.recipe) for trial in trials]) / (len(recipes) - 1)
        found.append(("recipe", places, f"{recipes[0]} … {recipes[-1]}"))
    for path in paths:
        values = ordered([trial.varied[path] for trial in trials if path in trial.varied])
        if len(values) > 1:
            places = np.array([values.index(t.varied[path]) if path in t.varied else np.nan for t in trials])
            found.append(
                (path.rpartition(".")[2], places / (len(values) - 1), f"{short(values[0])} … {short(values[-1])}")
            )
    return found[:SETTINGS]


def _below(axes: Axes, shown: Sequence[tuple[str, NDArray[np.float64], str]], y: float) -> None:
    """The candidates' settings, from the lowest value (light) to the highest (dark)."""
    for i, (name, places, ends) in enumerate(shown):
        top = y + ROW * i
        axes.canvas.image(axes.left, top, axes.width, ROW - 4, raster(places[None], (0, 1), "greys"))
        axes.canvas.text(LEFT - 8, top + 10.5, name, anchor="end", longest=30)
        axes.canvas.text(axes.right + 10, top + 10.5, ends, size=11, colour="muted", longest=17)


def _colour_key(canvas: Canvas, y: float) -> None:
    canvas.text(LEFT - 8, y + 10, "a candidate's rank in a family: worst", size=11, anchor="end", colour="muted")
    canvas.image(LEFT, y, 150, 12, raster(np.linspace(0, 1, 128)[None], (0, 1), "cividis"))
    canvas.text(LEFT + 157, y + 10, "best", size=11, colour="muted")


def _said(run: Run, groups: Sequence[Sequence[Line]], trials: Sequence[Trial]) -> str:
    """The map in words: how those that stand out rank."""
    voting = [line for group in groups for line in group if line.weight > 0]
    families = sum(map(len, groups))
    said = [f"ranks of {len(trials)} candidates in {families} fault families, {len(voting)} of them with weight"]
    if voting:
        weights = [line.weight for line in voting]
        means = np.average([line.ranks for line in voting], axis=0, weights=weights)
        for name, ids in marked(run).items():
            among = [float(means[i]) for i, trial in enumerate(trials) if trial.id in ids]
            if among:
                said.append(f"{name}: on average in the top {max(1, round(100 * np.mean(among)))} %")
    return "; ".join(said)
