"""Score and decision files: two columns without a header, read with the number of every line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from gensup.evaluation.submission.problem import Problem
from gensup.evaluation.submission.rules import Kind

BY_POSITION = "the evaluators sort the rows and pair them with the truth by position"
SHOWN = 60  # characters of a line in a message


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be read: a clip's name and a number."""

    line: int
    name: str
    value: float


def rows_text(rows: Iterable[tuple[str, str]]) -> str:
    """The text of a file."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_rows(data: bytes, path: str, kind: Kind) -> tuple[list[Row], list[Problem]]:
    """The rows of a file that can be read, and what is wrong with the others."""
    problems: list[Problem] = []

    def wrong(line: int, what: str, rule: str) -> None:
        problems.append(Problem(path, line, what, rule))

    if data.startswith(b"\xef\xbb\xbf"):
        wrong(1, "a byte order mark", "it becomes part of the first clip's name")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        shown = repr(data.split(b"\n")[place - 1][:SHOWN].decode("latin-1"))
        return [], [*problems, Problem(path, place, f"not UTF-8: {shown}", "names and numbers are plain text")]
    rows: list[Row] = []
    first: dict[str, int] = {}
    # By line and not by csv.reader's record: no name or number holds a line end, and a stray quote hides no line.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix("\r")
        shown = repr(line[:SHOWN])
        cells = next(csv.reader([line]), [])
        if len(cells) != 2:
            what = "an empty line" if not cells else f"{len(cells)} columns: {shown}"
            wrong(number, what, "two columns, name,value, separated by a comma")
            continue
        name, said = cells
        value = _number(said)
        if value is None:
            head = number == 1 and not name.lower().endswith(".wav")
            wrong(number, f"{'a header' if head else 'no number'}: {shown}", "no header; the second column is a number")
            continue
        if not math.isfinite(value):
            wrong(number, f"not finite: {shown}", "the evaluators cannot rank it")
        elif kind == "decision_result" and value not in (0, 1):
            wrong(number, f"neither 0 nor 1: {shown}", "a decision is 0 (normal) or 1 (anomalous)")
        if name in first:
            wrong(number, f"a clip twice: {shown}", f"line {first[name]} has it; {BY_POSITION}")
            continue
        first[name] = number
        rows.append(Row(number, name, value))
    if not lines:
        wrong(0, "an empty file", "one row a test clip")
    return rows, problems


def missing(expected: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Names that have no row, in their order."""
    there = {row.name for row in rows}
    return [name for name in expected if name not in there]


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)  # Python alone reads 1_000
    except ValueError:
        return None
