"""The space of a recipe as a plane: which of its trials differ along its two longest axes, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json
from gensup.reporting.run_folder import Run


@dataclass(frozen=True, slots=True)
class Slice:
    """Trials of one recipe, on one or two axes."""

    recipe: str
    axes: tuple[str, ...]  # paths, the one with most values first
    values: tuple[tuple[Json, ...], ...]  # of each axis, in order
    fixed: Mapping[str, Json]  # of the axes that are not shown
    rows: Mapping[tuple[int, ...], int]  # place on the axes -> index into the table's trials
    marked: Mapping[str, tuple[tuple[int, ...], ...]]  # "built", "default" -> places, of those on this plane

    def grid(self, values: Sequence[float]) -> NDArray[np.float64]:
        """(len of second axis or 1, len of first axis) of one value a trial, NaN where no trial is complete."""
        grid = np.full((len(self.values[1]) if len(self.axes) > 1 else 1, len(self.values[0])), np.nan)
        for place, row in self.rows.items():
            grid[place[1] if len(place) > 1 else 0, place[0]] = values[row]
        return grid

    def here(self, values: Sequence[float]) -> tuple[float, ...]:
        """The values of the trials on this plane."""
        return tuple(values[row] for row in self.rows.values())

    def words(self, place: tuple[int, ...]) -> str:
        """A place, as the values of its axes."""
        at = zip(self.axes, self.values, place, strict=True)
        return ", ".join(f"{axis} = {short(values[i])}" for axis, values, i in at)


def slices(run: Run) -> tuple[Slice, ...]:
    """A plane for each recipe whose space has an axis, by name."""
    found = (_slice(run, recipe) for recipe in sorted({trial.recipe for trial in run.table.trials}))
    return tuple(part for part in found if part is not None)


def utilities(run: Run) -> tuple[float, ...]:
    """Weighted mean utility of every trial, as in the verdict's rows; () when no family has weight."""
    voters = [family for family in run.table.families.values() if family.weight > 0]
    if not voters:
        return ()
    mean = np.average([family.utility for family in voters], axis=0, weights=[family.weight for family in voters])
    return tuple(float(value) for value in mean)


def short(value: Json) -> str:
    """A value of an axis as a label."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _slice(run: Run, recipe: str) -> Slice | None:
    trials = run.table.trials
    rows = [row for row, trial in enumerate(trials) if trial.recipe == recipe]
    every = {path: ordered([trials[row].varied.get(path) for row in rows]) for path in trials[rows[0]].varied}
    several = sorted((path for path, values in every.items() if len(values) > 1), key=lambda p: (-len(every[p]), p))
    axes, others = tuple(several[:2]), several[2:]
    if not axes:
        return None
    # A space of more axes is cut through the first that was built, or else through the recipe's best-ranked.
    ranked = [*run.verdict.members, *(trial for trial, _ in run.verdict.ranking)]
    ours = {trials[row].id: trials[row] for row in rows}
    anchor = next((ours[trial] for trial in ranked if trial in ours), trials[rows[0]])
    fixed = {path: anchor.varied.get(path) for path in others}
    places = {
        tuple(every[axis].index(trials[row].varied.get(axis)) for axis in axes): row
        for row in rows
        if all(trials[row].varied.get(path) == value for path, value in fixed.items())
    }
    ids = {trials[row].id: place for place, row in places.items()}
    default = () if run.table.default is None else (run.table.default,)
    names = {"built": run.verdict.members, "default": default}
    marked = {name: tuple(ids[trial] for trial in said if trial in ids) for name, said in names.items()}
    marked = {name: places for name, places in marked.items() if places}
    return Slice(recipe, axes, tuple(every[axis] for axis in axes), fixed, places, marked)


def ordered(values: Sequence[Json]) -> tuple[Json, ...]:
    """Different values: numbers by size, anything else as it comes."""
    unique: list[Json] = []
    for value in values:
        if value not in unique:
            unique.append(value)
    numbers = [value for value in unique if isinstance(value, int | float) and not isinstance(value, bool)]
    return tuple(sorted(numbers)) if len(numbers) == len(unique) else tuple(unique)
