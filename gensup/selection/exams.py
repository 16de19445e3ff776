"""Exams: every family at every severity asks whether its anomalies rank above the normal clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gensup.selection.records import Column, Exam, Question


def build(columns: Sequence[Column], questions: Mapping[str, Question]) -> tuple[Exam, ...]:
    """One exam a question, in order of family and severity.

    ``questions`` maps an anomalous clip's id to what it asks. Its negatives went the same way: the real normal clips
    for faults added to recordings, the normal twins for clips that went through a codec. Where a chain has no normal
    clip (an unpaired set), the real ones have to do.
    """
    normal: dict[str, list[int]] = {}
    members: dict[tuple[Question, str], list[int]] = {}
    for i, column in enumerate(columns):
        if column.role == "anomaly":
            members.setdefault((questions[column.clip], column.chain), []).append(i)
        else:
            normal.setdefault(column.chain, []).append(i)
    ordered = sorted(members, key=lambda key: (key[0].family, key[0].severity, key[1]))
    return tuple(
        Exam(question=q, normal=tuple(normal.get(chain) or normal.get("none", [])), anomaly=tuple(members[q, chain]))
        for q, chain in ordered
    )
