"""trials/study.log: a finished study as an Optuna journal, one Optuna study a recipe, for any tool that reads those."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gensup.clip import Json
from gensup.selection.records import Trial
from gensup.steps.axes import choice, distributions, quiet
from gensup.steps.candidates import Candidates
from gensup.store import write_bytes

STUDY = "study.log"
WRITER = "gensup"  # in place of a worker's id
WHEN = "1970-01-01T00:00:00.000000+00:00"  # times and hosts live in log.jsonl; this file's bytes are the study's alone


def export(
    run: Path,
    candidates: Candidates,
    trials: Sequence[Trial],
    values: Mapping[str, float],
    borda: Mapping[str, float] | None = None,
) -> Path:
    """Write ``trials/study.log``; the same study gives the same bytes.

    It opens with ``optuna.load_study(study_name=recipe, storage=JournalStorage(JournalFileBackend(path)))``, and goes
    on from there: parameters are the axes of the recipe's space, the value is to be maximised.

    Args:
        trials: of the run, in any order.
        values: trial id -> weighted mean utility; a complete trial without one is FAIL there, since Optuna has no
            complete trial without a value.
        borda: trial id -> Borda count, where there is one.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import BaseJournalBackend
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, TrialState, create_trial

    class Lines(BaseJournalBackend):
        """A journal in memory."""

        def __init__(self) -> None:
            self.logs: list[dict[str, Any]] = []

        def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
            return self.logs[log_number_from:]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            self.logs += logs

    def frozen(trial: Trial, axes: Mapping[str, Sequence[Json]]) -> FrozenTrial:
        value = values.get(trial.id) if trial.state == "complete" else None
        state = TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL
        said = {"id": trial.id, "reason": trial.reason, "parameters": trial.parameters}
        return create_trial(
            state=state if value is None else TrialState.COMPLETE,
            value=value,
            params={path: choice(trial.varied[path]) for path in axes},
            distributions=distributions(axes),
            user_attrs=said | {"borda": None if borda is None else borda.get(trial.id)},
        )

    journal = Lines()
    with quiet():
        storage = JournalStorage(journal)
        for recipe in candidates.recipes:
            axes = axes_of(candidates, recipe)
            study = storage.create_new_study([StudyDirection.MAXIMIZE], recipe)
            for trial in sorted(trials, key=lambda trial: trial.id):
                if trial.recipe == recipe:
                    storage.create_new_trial(study, frozen(trial, axes))
    path = run / "trials" / STUDY
    write_bytes(path, b"".join(_line(log) for log in journal.logs))
    return path


def axes_of(candidates: Candidates, recipe: str) -> dict[str, list[Json]]:
    """A recipe's axes with every value that a candidate has: the published default may lie off the grid."""
    mine = [params for trial, params in candidates.params.items() if candidates.recipe_of[trial] == recipe]
    axes: dict[str, list[Json]] = {}
    for path, values in candidates.recipes[recipe].space.items():
        axes[path] = list(values)
        for params in mine:
            if params[path] not in axes[path]:
                axes[path].append(params[path])
    return axes


def _line(log: Mapping[str, Any]) -> bytes:
    """One operation as Optuna's file backend writes it, without who did it and when."""
    constant = {key: WHEN for key in ("datetime_start", "datetime_complete") if key in log}
    return json.dumps({**log, "worker_id": WRITER, **constant}, separators=(",", ":")).encode() + b"\n"
