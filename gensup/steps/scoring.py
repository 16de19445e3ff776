"""Out-of-fold scores of the candidates, and the table that they make with the exams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gensup.detection.crossfit import Scored, crossfit, unfit
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.selection import exams
from gensup.selection.records import ScoreTable
from gensup.steps.budget import Deadline
from gensup.steps.candidates import Candidates
from gensup.steps.study import Row, Study
from gensup.steps.table import Exercise
from gensup.store import ArrayCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How candidates are scored in one run."""

    engine: Engine
    candidates: Candidates
    machine: str
    deadline: Deadline
    cache: ArrayCache | None = None
    forbidden: Mapping[str, str] = field(default_factory=dict)  # trials that a limit rules out, each with the reason

    def rows(self, exercised: Exercise, study: Study, wanted: Iterable[str]) -> dict[str, Row]:
        """A row for each of the ``wanted`` trials; what the study holds already is not scored again.

        When the deadline is over, those that are done are all there is.
        """
        study.begin(exercised.columns)
        wanted = tuple(wanted)
        known = study.read()
        rows = {trial: known[trial] for trial in wanted if trial in known}
        clips = exercised.examples(self.machine, self.candidates.group_by)
        left = {trial: self.candidates.params[trial] for trial in wanted if trial not in rows}
        reasons = {**unfit(left, exercised.arrangements, clips.group), **self.forbidden}
        pruned = {trial: reason for trial, reason in reasons.items() if trial in left}
        rows |= study.add_many([(self.candidates.trial(t, 0, "pruned", reason), None) for t, reason in pruned.items()])
        left = {trial: params for trial, params in left.items() if trial not in pruned}
        if left and not self.deadline.over:
            scratch = study.run
            for scored in crossfit(
                self.engine, left, clips, exercised.arrangements, self.cache, scratch=scratch
            ):
                rows |= study.add_many(self._rows(scored))
                if self.deadline.over:
                    break
        return rows

    def _rows(self, scored: Scored) -> list[Row]:
        rows: list[Row] = []
        for trial, scores, parameters in zip(scored.trials, scored.scores, scored.parameters, strict=True):
            flat = scores.reshape(-1)
            if np.isfinite(flat).all():
                rows.append((self.candidates.trial(trial, parameters), flat))
            else:
                rows.append((self.candidates.trial(trial, parameters, "failed", "its scores are not finite"), None))
        return rows

    def table(self, exercised: Exercise, rows: Mapping[str, Row], taint: Mapping[str, float]) -> ScoreTable:
        """The complete rows, in order of their ids, and the exams on them.

        Raises:
            GensupError: there is none.
        """
        complete = [(trial, scores) for _, (trial, scores) in sorted(rows.items()) if scores is not None]
        if not complete:
            reasons = [trial.reason for trial, _ in rows.values()]
            raise GensupError(
                "no candidate can be fitted",
                value=reasons[0] if reasons else "none was begun",
                remedy="give more normal clips, or a larger --budget" if not reasons else "give more normal clips",
            )
        return ScoreTable(
            trials=tuple(trial for trial, _ in complete),
            columns=exercised.columns,
            scores=np.stack([scores for _, scores in complete]),
            exams=exams.build(exercised.columns, exercised.questions),
            default=self.candidates.default if any(t.id == self.candidates.default for t, _ in complete) else None,
            paired=exercised.paired,
            taint=taint,
        )


def joined(table: ScoreTable, other: ScoreTable, more: Exercise, asked: Exercise) -> ScoreTable:
    """``table`` with the clips of ``other`` that it lacks; trials that are complete in both.

    Args:
        asked, more: what the columns of ``table`` and of ``other`` ask.
    """
    known = {(column.clip, column.repeat, column.role) for column in table.columns}
    new = [i for i, column in enumerate(other.columns) if (column.clip, column.repeat, column.role) not in known]
    place = {trial.id: i for i, trial in enumerate(other.trials)}
    both = [i for i, trial in enumerate(table.trials) if trial.id in place]
    trials = tuple(table.trials[i] for i in both)
    columns = (*table.columns, *(other.columns[i] for i in new))
    scores = np.hstack([table.scores[both], other.scores[[place[trial.id] for trial in trials]][:, new]])
    return replace(
        table,
        trials=trials,
        columns=columns,
        scores=scores,
        exams=exams.build(columns, {**asked.questions, **more.questions}),
        default=table.default if any(trial.id == table.default for trial in trials) else None,
    )
