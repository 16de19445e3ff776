"""Exams: every family at every severity asks, in every arrangement, whether its anomalies rank above normals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gensup.errors import GensupError
from gensup.selection.records import LEFT_OUT, Column, Exam, Question


def build(columns: Sequence[Column], questions: Mapping[str, Question]) -> tuple[Exam, ...]:
    """One exam a question and repeat, in order of family, severity and repeat.

    ``questions`` maps an anomalous clip's id to what it asks. Its negatives went the same way: the real normal clips
    for faults added to recordings, the normal twins for clips that went through a codec, and their nuisance copies.
    Where a chain has no normal clip (an unpaired set), the real ones have to do: those that its candidates are fitted
    on.

    Raises:
        GensupError: an anomaly without a single normal clip to be told from.
    """
    normal: dict[tuple[str, int], list[int]] = {}
    real: dict[tuple[str, int], list[int]] = {}
    members: dict[tuple[Question, str, str, int], list[int]] = {}
    for i, column in enumerate(columns):
        if column.repeat == LEFT_OUT:
            continue
        if column.role == "anomaly":
            key = questions[column.clip], column.chain, column.fitted, column.repeat
            members.setdefault(key, []).append(i)
            continue
        normal.setdefault((column.chain, column.repeat), []).append(i)
        if column.role == "normal" or column.chain == "none":
            real.setdefault((column.fitted, column.repeat), []).append(i)
    for _, chain, fitted, repeat in members:
        if not (normal.get((chain, repeat)) or real.get((fitted, repeat))):
            raise GensupError(
                "anomalies without a normal clip",
                value=f"what went through {chain}",
                rule="an anomaly is told from normal clips of its own chain, or from recordings",
                remedy="add normal twins to the set, or scores of held-out recordings",
            )
    ordered = sorted(members, key=lambda key: (key[0].family, key[0].severity, *key[1:]))
    return tuple(
        Exam(
            question=question,
            repeat=repeat,
            normal=tuple(normal.get((chain, repeat)) or real[fitted, repeat]),
            anomaly=tuple(members[question, chain, fitted, repeat]),
        )
        for question, chain, fitted, repeat in ordered
    )
