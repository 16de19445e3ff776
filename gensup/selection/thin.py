"""What thin evidence takes from an answer: it is given all the same, and says what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gensup.selection.constants import constants
from gensup.selection.panel import normal_places
from gensup.selection.records import Judgement, ScoreTable


def lost(table: ScoreTable, judgements: Sequence[Judgement]) -> Iterator[str]:
    """A sentence for everything that this table lacks; none of it changes the answer."""
    trials = len(table.trials)
    whole = trials + table.failed + table.pruned
    if trials == 1:
        yield "There is one candidate, so there is nothing to choose between."
    yield from _normals(table)
    asked = sorted({i for exam in table.exams for i in (*exam.normal, *exam.anomaly)})
    if asked and (mute := int(np.count_nonzero(np.ptp(table.scores[:, asked], axis=1) == 0))):
        yield f"{_of(mute, trials)} {'gives' if mute == 1 else 'give'} all clips one score."
    alike = [judgement.family for judgement in judgements if trials > 1 and np.ptp(judgement.value) == 0]
    if alike:
        yield f"On {len(alike)} of {len(judgements)} fault families all candidates do equally well."
    if table.failed:
        yield f"{_of(table.failed, whole)} failed: scores that are not finite count nowhere."
    if table.pruned:
        yield f"{_of(table.pruned, whole)} could not be fitted on so few clips, or went beyond a limit."


def _normals(table: ScoreTable) -> Iterator[str]:
    """Of the normal clips that the anomalies are told from: how many, and of which domain."""
    fixed = constants()
    columns = [table.columns[i] for i in normal_places(table)]
    clips = len({column.source for column in columns})
    few = round(2 / fixed.max_fpr)  # of fewer, the largest false-alarm rate that counts is not even two
    if not columns:
        return
    if clips < few:
        yield (
            f"There {'is' if clips == 1 else 'are'} {clips} normal {'clip' if clips == 1 else 'clips'}: a false-alarm "
            f"rate of {fixed.max_fpr:.0%} is fewer than two of them, so partial AUC and alarm threshold are coarse."
        )
    domains = {column.target_domain for column in columns}
    if True not in domains:
        yield "No normal clip is of a target domain, so no shift of domain was asked about."
    elif domains == {True}:
        yield "All normal clips are of the target domain, so no shift of domain was asked about."


def _of(count: int, whole: int) -> str:
    return f"{count} of {whole} candidates"
