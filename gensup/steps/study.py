"""trials/ of a run: one score row a trial, on disk before the trial counts as done, and what the table amounts to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.selection.records import Column, Judgement, ScoreTable, Trial, Verdict
from gensup.selection.utility import ladders
from gensup.store import SCHEMA, Journal, check_schema, read_json, write_bytes, write_json, write_manifest

Row = tuple[Trial, NDArray[np.float64] | None]


@dataclass(frozen=True, slots=True)
class Study:
    """The trials of one run folder."""

    run: Path

    def begin(self, columns: Sequence[Column]) -> None:
        """Fix what the score rows' places mean.

        Raises:
            GensupError: the folder's rows are of other clips.
        """
        path = self.run / "trials" / "columns.json"
        described = cast("Json", [asdict(column) for column in columns])
        if path.is_file():
            content = cast("dict[str, Json]", read_json(path))
            check_schema(content.get("schema"), str(path))
            if content["columns"] != described:
                raise GensupError("score rows of other clips", where=str(path), remedy="name another --out")
            return
        write_json(path, {"schema": SCHEMA, "columns": described})

    def add(self, trial: Trial, scores: NDArray[np.float64] | None) -> Row:
        """Keep a trial: its scores first, then its line in the journal."""
        checksum = None
        if scores is not None:
            data = BytesIO()
            np.save(data, scores.astype(np.float32), allow_pickle=False)
            write_bytes(self._scores(trial.id), data.getvalue())
            checksum = digest(scores.tolist())
        self._journal.append({"schema": SCHEMA, **cast("dict[str, Json]", asdict(trial)), "scores": checksum})
        return trial, scores

    def read(self) -> dict[str, Row]:
        """Trials that are done; one whose score row is gone or damaged is not."""
        rows: dict[str, Row] = {}
        for line in self._journal.read():
            content = dict(line)
            check_schema(content.pop("schema"), str(self._journal.path))
            checksum = content.pop("scores")
            trial = TypeAdapter(Trial).validate_python(content)
            if checksum is None:
                rows[trial.id] = trial, None
                continue
            try:
                scores = np.load(self._scores(trial.id), allow_pickle=False).astype(np.float64)
            except (OSError, ValueError, EOFError):
                continue
            if digest(scores.tolist()) == checksum:
                rows[trial.id] = trial, scores
        return rows

    def finish(self) -> None:
        """Put the journal in order of the trials' ids: the order in which workers ended is no result."""
        lines = {str(line["id"]): line for line in self._journal.read()}  # one that was made again stands twice
        write_manifest(self._journal.path, lines.values())

    @property
    def _journal(self) -> Journal:
        return Journal(self.run / "trials" / "journal.jsonl")

    def _scores(self, trial: str) -> Path:
        return self.run / "trials" / "scores" / f"{trial}.npy"


def summary(run: Path, table: ScoreTable, judgements: Sequence[Judgement], verdict: Verdict) -> None:
    """Write trials/table.json: what the report draws, so that it need not decide anything again."""
    shown = [i for i, trial in enumerate(table.trials) if trial.id in {*verdict.members, table.default}]
    write_json(
        run / "trials" / "table.json",
        {
            "schema": SCHEMA,
            "default": table.default,
            "trials": cast("Json", [asdict(trial) for trial in table.trials]),
            "families": {
                j.family: {
                    "severity": j.severity,
                    "weight": j.weight,
                    "utility": j.value.tolist(),
                    "auc": j.auc.tolist(),
                }
                for j in judgements
            },
            "pruned": {trial.id: trial.reason for trial, scores in Study(run).read().values() if scores is None},
            "ladders": cast(
                "Json", {family: [list(rung) for rung in rungs] for family, rungs in ladders(table).items()}
            ),
            "roles": [column.role for column in table.columns],
            "clips": [column.clip for column in table.columns],
            "scores": {table.trials[i].id: table.scores[i].tolist() for i in shown},
        },
    )
