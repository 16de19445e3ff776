"""Which trials a map shows, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensup.reporting.run_folder import Run, read_run_folder
from gensup.reporting.slices import slices, utilities
from tests.reporting.fake_run import Wanted, fake_run


def make(folder: Path, axes: dict[str, list[Any]], default: dict[str, Any] | None) -> Run:
    return read_run_folder(fake_run(folder, Wanted(axes=axes, default=default, twins=False)))


def test_the_longest_axis_comes_first_and_numbers_are_in_order(tmp_path: Path) -> None:
    axes = {"backend.n_components": [8, 1], "pooling.decay": [1.0, 0.0, 0.5]}
    run = make(tmp_path / "run", axes, {"backend.n_components": 1, "pooling.decay": 0.5})
    (part,) = slices(run)
    assert part.axes == ("pooling.decay", "backend.n_components")
    assert part.values == ((0.0, 0.5, 1.0), (1, 8))
    assert part.marked["default"] == ((1, 0),)
    grid = part.grid(range(6))
    for (column, row), trial in part.rows.items():
        varied = run.table.trials[trial].varied
        assert (varied["pooling.decay"], varied["backend.n_components"]) == (
            part.values[0][column],
            part.values[1][row],
        )
        assert grid[row, column] == trial


def test_a_default_beside_the_grid_has_a_place_and_leaves_gaps(tmp_path: Path) -> None:
    axes = {"pooling.decay": [0.0, 0.5], "backend.n_components": [1, 2]}
    (part,) = slices(make(tmp_path / "run", axes, {"pooling.decay": 0.7, "backend.n_components": 2}))
    assert part.values[0] == (0.0, 0.5, 0.7)
    assert np.isnan(part.grid(range(5))).sum() == 1


def test_more_axes_are_cut_through_the_chosen(tmp_path: Path) -> None:
    axes = {"a.x": [1, 2, 3], "a.y": [1, 2, 3], "a.z": ["full", "diag"], "a.one": [7]}
    run = make(tmp_path / "run", axes, None)
    (part,) = slices(run)
    assert part.axes == ("a.x", "a.y")
    members = run.verdict.members
    assert part.fixed == {"a.z": run.trials[members[0]].varied["a.z"]}
    assert len(part.rows) == 9
    assert [run.table.trials[part.rows[place]].id for place in part.marked["built"]] == [
        trial for trial in members if run.trials[trial].varied["a.z"] == part.fixed["a.z"]
    ]


def test_utilities_are_the_verdicts_rows(tmp_path: Path) -> None:
    run = make(tmp_path / "run", {"a.x": [1, 2, 3]}, {"a.x": 2})
    values = utilities(run)
    assert np.mean(values) == pytest.approx(run.verdict.rows["random"])
    default = next(i for i, trial in enumerate(run.table.trials) if trial.id == run.table.default)
    assert values[default] == pytest.approx(run.verdict.rows["default"])


def test_no_weight_no_map(tmp_path: Path) -> None:
    run = make(tmp_path / "run", {"a.x": [1, 2, 3]}, {"a.x": 2})
    weightless = {name: replace(family, weight=0.0) for name, family in run.table.families.items()}
    assert utilities(replace(run, table=replace(run.table, families=weightless))) == ()
