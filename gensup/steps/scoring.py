"""Out-of-fold scores of the candidates, and the table that they make with the exams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gensup.detection.crossfit import crossfit, unfit
from gensup.detection.means import NOTHING, Means
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.selection import exams
from gensup.selection.records import ScoreTable, Trial
from gensup.selection.scalar import fixed
from gensup.selection.utility import judge
from gensup.steps.budget import Deadline, scattered
from gensup.steps.candidates import Candidates
from gensup.steps.optuna_journal import axes_of
from gensup.steps.search import explore
from gensup.steps.study import Row, Study
from gensup.steps.table import Exercise

PROBE = 24  # trials that fix what a search climbs
BATCH = 8  # suggestions at a time: a pooling's back ends are fitted together


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How candidates are scored in one run."""

    engine: Engine
    candidates: Candidates
    machine: str
    seed: int
    deadline: Deadline
    means: Means = NOTHING
    forbidden: Mapping[str, str] = field(default_factory=dict)  # trials that a limit rules out, each with the reason

    def rows(self, exercised: Exercise, study: Study, wanted: Iterable[str]) -> dict[str, Row]:
        """A row for each of the ``wanted`` trials; what the study holds already is not scored again.

        When the deadline is over, those that are done are all there is.
        """
        study.begin(exercised.columns)
        known = study.read()
        wanted = tuple(wanted)
        rows = {trial: known[trial] for trial in wanted if trial in known}
        left = {trial: self.candidates.params[trial] for trial in wanted if trial not in rows}
        clips = exercised.examples(self.machine, self.candidates.group_by)
        reasons = {**unfit(left, exercised.arrangements, clips.group), **self.forbidden}
        pruned = [self.candidates.trial(t, 0, "pruned", reasons[t]) for t in left if t in reasons]
        rows |= {trial.id: row for trial, row in zip(pruned, study.add_many((t, None) for t in pruned), strict=True)}
        left = {trial: params for trial, params in left.items() if trial not in reasons}
        if not left or self.deadline.over:
            return rows
        for means, trials in self.candidates.by_material(left, self.means):
            mine = {trial: left[trial] for trial in trials}
            for scored in crossfit(self.engine, mine, clips, exercised.arrangements, means, scratch=study.folder):
                done = zip(scored.trials, scored.parameters, scored.scores, strict=True)
                kept = study.add_many([(self.candidates.trial(t, size), s.reshape(-1)) for t, size, s in done])
                rows |= {trial.id: (trial, scores) for trial, scores in kept}
                if self.deadline.over:
                    return rows
        return rows

    def searched(self, exercised: Exercise, study: Study, trials: int) -> dict[str, Row]:
        """Rows of every candidate, or of ``trials`` where there are more: a share for each recipe, found by search."""
        every = self.candidates.params
        if len(every) <= trials:
            return self.rows(exercised, study, scattered(every, self.seed, self.candidates.default))
        rows: dict[str, Row] = {}
        for name in self.candidates.recipes:
            rows |= self._explored(name, exercised, study, max(1, trials // len(self.candidates.recipes)))
        return rows

    def _explored(self, recipe: str, exercised: Exercise, study: Study, trials: int) -> dict[str, Row]:
        axes = axes_of(self.candidates, recipe)
        mine = [trial for trial, name in self.candidates.recipe_of.items() if name == recipe]
        points = {trial: {axis: self.candidates.params[trial][axis] for axis in axes} for trial in mine}
        found: dict[str, Row] = {}
        asked: set[str] = set()

        def score(wanted: Iterable[str]) -> dict[str, Row | None]:
            wanted = tuple(wanted)
            asked.update(wanted)
            rows = self.rows(exercised, study, wanted)
            found.update(rows)
            return {trial: row if (row := rows.get(trial)) and row[1] is not None else None for trial in wanted}

        def weigh(rows: Mapping[str, Row]):  # type: ignore[no-untyped-def]
            table = self.table(exercised, rows, {})
            scalar = fixed(table, judge(table))
            return lambda row: scalar.of(row[1])

        published = next(t for t in mine if self.candidates.params[t] == dict(self.candidates.recipes[recipe].default))
        explore(
            points,
            axes,
            default=published,
            trials=trials,
            seed=self.seed,
            probe=PROBE,
            batch=BATCH,
            score=score,
            weigh=weigh,
            # What the study holds costs nothing: a search that was finished is found again within any budget.
            over=lambda: self.deadline.over and not asked <= found.keys(),
        )
        return found

    def table(self, exercised: Exercise, rows: Mapping[str, Row], taint: Mapping[str, float]) -> ScoreTable:
        """The complete rows, in order of their ids, and the exams on them.

        Raises:
            GensupError: there is none.
        """
        complete = [(trial, scores) for _, (trial, scores) in sorted(rows.items()) if scores is not None]
        if not complete:
            over = self.deadline.over and len(rows) < len(self.candidates.params)
            reasons = [] if over else [str(trial.reason) for trial, _ in rows.values()]
            raise GensupError(
                "no candidate was scored",
                value=reasons[0] if reasons else "the budget was over before the first",
                remedy="give more normal clips, or wider limits" if reasons else "give a larger --budget",
            )
        return ScoreTable(
            trials=tuple(trial for trial, _ in complete),
            columns=exercised.columns,
            scores=np.stack([scores for _, scores in complete]),
            exams=exams.build(exercised.columns, exercised.questions),
            default=self.candidates.default if any(t.id == self.candidates.default for t, _ in complete) else None,
            paired=exercised.paired,
            taint=taint,
            failed=sum(trial.state == "failed" for trial, _ in rows.values()),
            pruned=sum(trial.state == "pruned" for trial, _ in rows.values()),
        )


def comparable(table: ScoreTable) -> tuple[ScoreTable, tuple[Trial, ...]]:
    """The trials that have a score of every clip that an exam asks, and those that have not.

    A missing score is neither above nor below another, and would pass for a fault that is always heard.
    """
    asked = sorted({i for exam in table.exams for i in (*exam.normal, *exam.anomaly)})
    complete: NDArray[np.bool_] = np.all(np.isfinite(table.scores[:, asked]), axis=1)
    trials = tuple(trial for trial, whole in zip(table.trials, complete, strict=True) if whole)
    others = tuple(trial for trial, whole in zip(table.trials, complete, strict=True) if not whole)
    default = None if table.default in {trial.id for trial in others} else table.default
    failed = table.failed + len(others)
    return replace(table, trials=trials, scores=table.scores[complete], default=default, failed=failed), others


def joined(table: ScoreTable, asked: Exercise, more: Exercise, rows: Mapping[str, Row]) -> ScoreTable:
    """``table`` with the clips of ``more`` that it lacks; a trial that has no row there has no scores of them.

    Args:
        asked: what the columns of ``table`` are.
        rows: of ``more``, by trial.
    """
    known = {(column.clip, column.repeat, column.fitted) for column in table.columns}
    new = [i for i, column in enumerate(more.columns) if (column.clip, column.repeat, column.fitted) not in known]
    nothing = np.full(len(new), np.nan)
    scores = [row[1] if (row := rows.get(trial.id)) else None for trial in table.trials]
    added = np.stack([nothing if s is None else s[new] for s in scores])
    columns = (*table.columns, *(more.columns[i] for i in new))
    return replace(
        table,
        columns=columns,
        scores=np.hstack([table.scores, added]),
        exams=exams.build(columns, {**asked.questions, **more.questions}),
    )
