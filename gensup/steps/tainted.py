"""How well the chains that synthetic clips went through are told from normals, before anything is broken in them."""

from __future__ import annotations

import numpy as np

from gensup.detection.features import pooled
from gensup.detection.parts import FRONTENDS, POOLINGS
from gensup.engine import Engine
from gensup.selection.taint import taint
from gensup.steps.table import Exercise


def taints(engine: Engine, exercised: Exercise, machine: str) -> dict[str, float]:
    """AUC of a fixed classifier on the mean and the maximum of log-mel bands, for every chain with normal twins.

    Normal twins are told from what their candidates are fitted on: from recordings or, where the set has recordings
    that went through its codec, from those, so that the codec itself is not counted. Faults added to recordings have
    none: their normal twins are the recordings.
    """
    own = exercised.columns[: len(exercised.clips)]
    chains = sorted({column.chain for column in own if column.role == "sham"})
    if not chains:
        return {}
    rows = np.array([i for i, column in enumerate(own) if column.role in ("normal", "sham")])
    poolings = [POOLINGS.load("gwrp")(decay=decay) for decay in (1.0, 0.0)]
    vectors = pooled(engine, exercised.examples(machine, ()).take(rows), FRONTENDS.load("log-mel")(), poolings)
    summary = np.concatenate(list(vectors), axis=1)
    found = {}
    for chain in chains:
        fitted = next(column.fitted for column in own if column.role == "sham" and column.chain == chain)
        mine = np.array([own[i].chain == chain or (own[i].role, own[i].fitted) == ("normal", fitted) for i in rows])
        sham = np.array([own[i].role == "sham" for i in rows])[mine]
        found[chain] = round(taint(summary[mine], sham, [own[i].source for i in rows[mine]]), 6)
    return found
