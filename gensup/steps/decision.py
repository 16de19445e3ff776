"""The verdict of a run: candidates scored, judged, asked once more where a ladder lacked a rung, and decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gensup.selection.records import Judgement, ScoreTable, Verdict
from gensup.selection.utility import judge
from gensup.selection.verdict import Asked, decide
from gensup.steps.costs import Costs
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recordings
from gensup.steps.scoring import Scoring, comparable, joined
from gensup.steps.study import NOT_FINITE, Row, Study
from gensup.steps.synthetic import Synthetic
from gensup.steps.table import Exercise, conditions_left_out, exercise, unfitted
from gensup.steps.tainted import taints
from gensup.synthesis.plan import HIGHEST
from gensup.synthesis.twinset import WANTED

LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A verdict, and all that it was reached by."""

    verdict: Verdict
    table: ScoreTable
    judgements: tuple[Judgement, ...]
    exercised: Exercise
    rows: Mapping[str, Row]  # of every candidate that was begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a verdict is reached with."""

    out: Path
    recordings: Recordings
    scoring: Scoring
    costs: Costs
    trials: int
    asked: Asked
    progress: Progress
    # Makes families at severities that their ladders lack, as far as they exist; None: the set is as it was given.
    more: Callable[[Sequence[tuple[str, float]]], Synthetic | None] | None
    highest: float = HIGHEST  # the largest severity that is asked for

    def reached(self, synthetic: Synthetic) -> Decided:
        """Score, judge, ask once more where a ladder misses the fixed difficulty, and decide."""
        exercised = exercise(self.recordings, synthetic, self.scoring.seed, self._repeats)
        for line in unfitted(self.recordings, synthetic):
            self.progress.note(line)
        study = Study(self.out)
        rows = self.scoring.searched(exercised, study, self.trials)
        study.finish()
        taint = taints(self.scoring.engine, exercised, self.recordings.machine)
        table = self._with_conditions(self.scoring.table(exercised, rows, taint), exercised)
        judgements = judge(table)
        wanted = [(j.family, j.wanted) for j in judgements if j.wanted is not None and j.wanted <= self.highest]
        # A run that has asked once more is not decided on less because it was called again with a small budget.
        begun = Study(self.out, WANTED).journal.exists()
        if wanted and self.more is not None and (begun or not self.scoring.deadline.over):
            self.progress.note(f"{len(wanted)} ladders do not reach the fixed difficulty: one more rung each")
            made = self.more(wanted)
            if made is not None:
                further = exercise(self.recordings, synthetic.further(made), self.scoring.seed, self._repeats)
                table, failed = comparable(self._joined(table, exercised, further, WANTED))
                rows |= {t.id: (replace(t, state="failed", reason=NOT_FINITE), None) for t in failed}
                judgements = judge(table)
        verdict = self._affordable(table, judgements)
        return Decided(verdict=verdict, table=table, judgements=judgements, exercised=exercised, rows=rows)

    @property
    def _repeats(self) -> int | None:
        return self.scoring.candidates.repeats

    def _with_conditions(self, table: ScoreTable, exercised: Exercise) -> ScoreTable:
        """The table with clips of operating conditions that no model was fitted on, for what is shown and not used.

        Where networks are trained it is left out: as many trainings again for what decides nothing.
        """
        if self._repeats is not None:
            return table
        aside = conditions_left_out(self.recordings, self.scoring.seed)
        return table if aside is None else self._joined(table, exercised, aside, LEFT_OUT)

    def _joined(self, table: ScoreTable, exercised: Exercise, more: Exercise, part: str) -> ScoreTable:
        study = Study(self.out, part)
        rows = self.scoring.rows(more, study, [trial.id for trial in table.trials])
        study.finish()
        missing = [trial.id for trial in table.trials if trial.id not in rows]
        if missing:  # the budget was over: half a column would compare candidates by different clips
            self.progress.note(f"the budget was over before all candidates had heard the clips of {part}")
            return table
        return joined(table, exercised, more, rows)

    def _affordable(self, table: ScoreTable, judgements: Sequence[Judgement]) -> Verdict:
        """The verdict; on a device that cannot hold all members of a fusion, its first."""
        verdict = decide(table, judgements, self.asked)
        if self.asked != "auto" or verdict.form not in ("fusion", "hedged"):
            return verdict
        heard = {*verdict.members, *(verdict.panel if verdict.form == "hedged" else ())}
        reason = self.costs.reason(heard)
        if reason is None:
            return verdict
        self.progress.note(f"a {verdict.form} detector is beyond the limits ({reason}): a single configuration instead")
        return decide(table, judgements, "single")
