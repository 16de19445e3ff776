"""trials/neighbourhood.json: where normal clips and twins lie by their sound, for a picture on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json
from gensup.detection.features import pooled
from gensup.detection.parts import FRONTENDS, POOLINGS
from gensup.engine import Engine
from gensup.reporting.run_folder import NEIGHBOURHOOD
from gensup.rng import generator
from gensup.selection.records import Judgement, Question
from gensup.steps.synthetic import PLAIN
from gensup.steps.table import Exercise
from gensup.steps.tsne import tsne
from gensup.store import SCHEMA, write_json

MOST = {"normal": 90, "sham": 40, "anomaly": 110}  # clips of a role: more are drawn over each other
FEWEST = 8  # clips, or there is no neighbourhood
DECIMALS = 2  # of a place


def neighbourhood(
    engine: Engine, run: Path, exercised: Exercise, judgements: Sequence[Judgement], machine: str, seed: int
) -> None:
    """Write the t-SNE of the mean and the maximum of log-mel bands of some clips: no candidate has a say in it.

    Normal clips, normal twins that went through a chain, and anomalies of the families with weight (of all where none
    has any) at the rung nearest to the severity that is read.
    """
    rows = _chosen(exercised, judgements, seed)
    if len(rows) < FEWEST:
        return
    poolings = [POOLINGS.load("gwrp")(decay=decay) for decay in (1.0, 0.0)]
    vectors = pooled(engine, exercised.examples(machine, ()).take(rows), FRONTENDS.load("log-mel")(), poolings)
    summary = np.concatenate([np.asarray(part, dtype=np.float64) for part in vectors], axis=1)
    spread = summary.std(axis=0)
    places = np.round(tsne((summary - summary.mean(axis=0)) / np.where(spread > 0, spread, 1.0)), DECIMALS)
    columns = [exercised.columns[i] for i in rows]
    mechanisms: list[Json] = [exercised.questions[c.clip].mechanism if c.role == "anomaly" else None for c in columns]
    write_json(
        run / "trials" / NEIGHBOURHOOD,
        {
            "schema": SCHEMA,
            "clips": [column.clip for column in columns],
            "roles": [column.role for column in columns],
            "target": [column.target_domain is True for column in columns],
            "mechanisms": mechanisms,
            "places": places.tolist(),
        },
    )


def _chosen(exercised: Exercise, judgements: Sequence[Judgement], seed: int) -> NDArray[np.intp]:
    """Places of the clips, in order; where there are too many of a role some are drawn."""
    near = _nearest_rung(exercised.questions, judgements)
    own = exercised.columns[: len(exercised.clips)]
    chosen: list[int] = []
    for role, most in MOST.items():
        of_role = [
            i
            for i, column in enumerate(own)
            if column.role == role
            and (role != "anomaly" or column.clip in near)
            and (role != "normal" or column.chain == PLAIN)
        ]
        drawn = generator("neighbourhood", seed, role).permutation(len(of_role))[:most]
        chosen += [of_role[i] for i in sorted(drawn)]
    return np.array(chosen, dtype=np.intp)


def _nearest_rung(questions: Mapping[str, Question], judgements: Sequence[Judgement]) -> frozenset[str]:
    """Ids of the anomalies at the rung where their family is read, or next to it."""
    voters = [judgement for judgement in judgements if judgement.weight > 0]
    near: set[str] = set()
    for judgement in voters or judgements:
        mine = {clip: q.severity for clip, q in questions.items() if q.family == judgement.family}
        away = {clip: round(abs(log(severity / judgement.severity)), 9) for clip, severity in mine.items()}
        near |= {clip for clip, distance in away.items() if distance == min(away.values())}
    return frozenset(near)
