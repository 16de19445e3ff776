"""trials/table.json: what the table amounts to, so that the report need not decide anything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from gensup.clip import Json
from gensup.reporting.run_folder import BUILT
from gensup.selection.fusion import fused, hedged, on_one_scale
from gensup.selection.records import Judgement, ScoreTable, Verdict
from gensup.selection.utility import ladders
from gensup.store import SCHEMA, write_json


def summary(
    run: Path, table: ScoreTable, judgements: Sequence[Judgement], verdict: Verdict, pruned: Mapping[str, str]
) -> None:
    """Write the summary.

    Scores are of what was built and of the published default, in the first arrangement of folds; ``pruned`` maps trials
    to reasons.
    """
    ids = [trial.id for trial in table.trials]
    members, panel = ([ids.index(trial) for trial in trials] for trials in (verdict.members, verdict.panel))
    alike = on_one_scale(table, table.scores)
    shown = {} if table.default is None else {table.default: alike[ids.index(table.default)]}
    if verdict.form == "hedged":
        shown[BUILT] = hedged(table, members, panel)
    elif members:
        shown[BUILT] = fused(table, members) if len(members) > 1 else alike[members[0]]
    # What a codec made of the recordings stands in no picture: the recordings do.
    first = [i for i, c in enumerate(table.columns) if c.repeat == 0 and not (c.role == "normal" and c.chain != "none")]
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
            "pruned": dict(pruned),
            "ladders": cast(
                "Json", {family: [list(rung) for rung in rungs] for family, rungs in ladders(table).items()}
            ),
            "roles": [table.columns[i].role for i in first],
            "clips": [table.columns[i].clip for i in first],
            "scores": {name: scores[first].tolist() for name, scores in shown.items()},
        },
    )
