"""A team's score and decision files, paired with the ground truth by name and checked before any number is made.

The official evaluators sort rows and pair them by position. Where that gives other pairs than the names do, or would
have stopped, a note says so; as published, rows are paired as they do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.evaluation.conventions import Conventions
from gensup.evaluation.tables import BOM, Line, Table, flag, number, read_table
from gensup.evaluation.truth import Sheet, Truth
from gensup.metadata import names

Kind: TypeAlias = Literal["anomaly_score", "decision_result"]
Key: TypeAlias = tuple[str, str, str, str | None]  # kind, machine, section, domain
Vector = NDArray[np.float64]

_PREFIX = r"(anomaly_score|decision_result)_(?:DCASE[0-9]{4}T2)?(.+)"
_OF_IDS = re.compile(rf"{_PREFIX}_id_([0-9]+)(?:_.*)?\.csv")
_OF_SECTIONS = re.compile(rf"{_PREFIX}_section_([0-9]+)(?:_(source|target))?(?:_test)?(?:_seed.*)?\.csv")
_MANY = 5


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a team says of one sheet's clips, in the order of ``Sheet.clips``."""

    sheet: Sheet
    scores: Vector  # (clips,) higher = more anomalous
    alarms: NDArray[np.bool_] | None  # (clips,)


@dataclass(frozen=True, slots=True)
class Team:
    """One system's answers on every sheet, and what is to be said of its files."""

    name: str
    answers: tuple[Answers, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Findings:
    """Files by what was found in them."""

    of: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, where: str) -> None:
        self.of.setdefault(what, []).append(where)

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            f"{len(places)} {'file' if len(places) == 1 else 'files'} {what} ({_some(places)})"
            for what, places in self.of.items()
        )


def systems(folder: Path, conventions: Conventions) -> dict[str, Path]:
    """The folders that hold score files: ``folder`` itself, or folders below it, by their path from there.

    Raises:
        GensupError: there is none.
    """
    if not folder.is_dir():
        raise GensupError("no such folder", where=str(folder), rule="--team is a folder of score and decision files")
    below = sorted(path for path in folder.rglob("*") if path.is_dir())
    found = {
        path.relative_to(folder).as_posix() if path != folder else folder.resolve().name: path
        for path in (folder, *below)
        if any(True for _ in _files(path, conventions))
    }
    if not found:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:_MANY])
        raise GensupError(
            "no score files",
            where=str(folder),
            value=there or "an empty folder",
            rule=f"{_expected('anomaly_score', '<machine>', '<NN>', None, conventions)}, in it or below it",
        )
    return found


def read_team(folder: Path, truth: Truth, conventions: Conventions, *, as_published: bool = False) -> Team:
    """Read one system's files.

    Args:
        as_published: pair rows as the evaluator does, by position, and (2020) leave out ids without a score file.

    Raises:
        GensupError: a file is missing, stands twice or belongs to no sheet; a row is missing, doubled, unknown or
            wrong.
    """
    findings = _Findings()
    files = _by_key(folder, truth, conventions, findings, lenient=as_published and conventions.passes_over_missing)
    pair = _by_position if as_published else _paired
    answers = []
    for sheet in truth.sheets:
        place = sheet.machine, sheet.section, sheet.domain
        if ("anomaly_score", *place) not in files:
            continue
        rows = pair(files["anomaly_score", *place], sheet, conventions, findings)
        scores = np.array([number(line) for line in rows])
        alarms = None
        if conventions.decisions:
            rows = pair(files["decision_result", *place], sheet, conventions, findings)
            alarms = np.array([flag(line, "the decision") for line in rows])
        answers.append(Answers(sheet, scores, alarms))
    return Team(folder.resolve().name, tuple(answers), findings.sentences())


def _by_key(
    folder: Path, truth: Truth, conventions: Conventions, findings: _Findings, *, lenient: bool
) -> Mapping[Key, Path]:
    kinds: tuple[Kind, ...] = ("anomaly_score", "decision_result") if conventions.decisions else ("anomaly_score",)
    wanted: list[Key] = [(kind, s.machine, s.section, s.domain) for kind in kinds for s in truth.sheets]
    found: dict[Key, Path] = {}
    strangers = []
    for key, path in _files(folder, conventions):
        if key[0] not in kinds:
            continue
        if key in found:
            raise GensupError(
                "two files of one section",
                where=str(path),
                value=found[key].name,
                rule="one score file and one decision file",
                remedy="move one of them away",
            )
        found[key] = path
        if key not in wanted:
            strangers.append(path)
    missing = [key for key in wanted if key not in found]
    if lenient and {key[1] for key in wanted if key in found} == set(truth.machines):
        for key in missing:
            findings.add(
                "missing, and left out of the averages, as the evaluator does it", _expected(*key, conventions)
            )
    elif missing:
        names_ = [_expected(*key, conventions) for key in missing]
        raise GensupError(
            "files are missing" if len(missing) > 1 else "a file is missing",
            where=str(folder),
            value=_some(names_),
            rule=f"one file for each of {len(truth.sheets)} parts of the ground truth, {' and '.join(kinds)}",
            remedy=f"these belong to no part of it: {_some([p.name for p in strangers])}" if strangers else "",
        )
    for path in strangers:
        findings.add("of no machine and section of the ground truth, and not counted", path.name)
    return found


def _files(folder: Path, conventions: Conventions) -> Iterator[tuple[Key, Path]]:
    pattern = _OF_SECTIONS if conventions.domains else _OF_IDS
    for path in sorted(folder.iterdir()):
        found = pattern.fullmatch(path.name)
        if found is not None and path.is_file():
            kind, machine, section, *domain = found.groups()
            yield (kind, machine, section, domain[0] if domain else None), path


def _expected(kind: str, machine: str, section: str, domain: str | None, conventions: Conventions) -> str:
    if not conventions.domains:
        return f"{kind}_{machine}_id_{section}.csv"
    if conventions.files_by_domain:
        domain = domain or "<source|target>"
    return f"{kind}_{machine}_section_{section}_{domain + '_' if domain else ''}test.csv"


def _paired(path: Path, sheet: Sheet, conventions: Conventions, findings: _Findings) -> list[Line]:
    """The file's rows in the order of ``sheet.clips``."""
    table = read_table(path, (2,))
    known = {clip: bool(anomaly) for clip, anomaly in zip(sheet.clips, sheet.anomaly, strict=True)}
    rows: dict[str, Line] = {}
    order = []
    for line in table.lines:
        clip = line.stem if line.stem in known else _blind(line, sheet, known)
        if clip in rows:
            raise _doubled(line, rows[clip])
        rows[clip] = line
        order.append(clip)
    missing = [clip for clip in sheet.clips if clip not in rows]
    if missing:
        raise GensupError(
            f"{len(missing)} of {len(sheet.clips)} clips of {sheet.place} have no row",
            where=f"{path}:{len(table.lines)}" if table.lines else str(path),
            value=_some(missing),
            rule="every clip of the ground truth has one row",
        )
    _note(table, order, sheet, conventions, findings)
    return [rows[clip] for clip in sheet.clips]


def _by_position(path: Path, sheet: Sheet, conventions: Conventions, findings: _Findings) -> list[Line]:
    """The file's rows in the order of ``sheet.clips``, paired as the evaluator does it: both sides sorted."""
    table = read_table(path, (2,))
    if len(table.lines) != len(sheet.clips):
        raise GensupError(
            f"{len(table.lines)} rows for {len(sheet.clips)} clips of {sheet.place}",
            where=f"{path}:{len(table.lines)}" if table.lines else str(path),
            value=table.lines[-1].text if table.lines else None,
            rule="every clip of the ground truth has one row",
        )
    seen: dict[str, Line] = {}
    for line in table.lines:
        other = seen.setdefault(line.stem, line)
        if other is not line:
            raise _doubled(line, other)
    lines = [table.lines[i] for i in _sorted(table, sheet, conventions)]
    rows = dict(zip(sheet.official, lines, strict=True))
    moved = sum(clip not in (line.stem, sheet.labelled.get(line.stem)) for clip, line in rows.items())
    if moved:
        findings.add(
            "were paired by position, as the official evaluator does it, and some of their names are not those of the "
            "clips whose labels they got",
            f"{path.name}: {moved} of {len(lines)} rows",
        )
    return [rows[clip] for clip in sheet.clips]


def _doubled(line: Line, other: Line) -> GensupError:
    return line.refused(
        "a clip twice", f"each clip once; it stands in line {other.number}, too", "remove one of the two"
    )


def _blind(line: Line, sheet: Sheet, known: Mapping[str, bool]) -> str:
    """The clip that a labelled name means."""
    if line.stem not in sheet.labelled:
        raise line.refused(
            f"no clip of {sheet.place}",
            "names are those of the ground truth, or labelled ones from its table of attributes",
            f"it has {_some(sheet.clips[:2])}",
        )
    clip = sheet.labelled[line.stem]
    if clip is None or clip not in known:
        raise line.refused("a labelled name of no single clip", "the table of attributes says it of one clip")
    said = names.parse(f"{line.stem}.wav").condition
    if said is not None and (said == "anomaly") != known[clip]:
        raise line.refused(
            f"the table of attributes and the ground truth contradict each other on {clip}",
            "the condition in a labelled name is its label",
            "use blind names; the labels of the ground truth are the official ones",
        )
    return clip


def _note(table: Table, order: Sequence[str], sheet: Sheet, conventions: Conventions, findings: _Findings) -> None:
    """What is unusual in a file, and what the official evaluator would have made of it."""
    if table.marked:
        findings.add("begin with a byte order mark: it was left out, the official evaluator would not", table.path.name)
    if any(line.stem in sheet.labelled for line in table.lines):
        findings.add("use labelled names: they were mapped back by the ground truth's table", table.path.name)
    moved = sum(
        mine != its for mine, its in zip(_official(table, order, sheet, conventions), sheet.official, strict=True)
    )
    if moved:
        findings.add(
            "were paired by name: the official evaluator, which sorts and pairs by position, would have given some "
            "rows another clip's label",
            f"{table.path.name}: {moved} of {len(order)} rows",
        )
    elif tuple(order) != sheet.clips:
        findings.add(
            "list their rows in another order than the ground truth: they were paired by name, and the official "
            "evaluator, which sorts the rows, makes the same pairs",
            table.path.name,
        )


def _official(table: Table, order: Sequence[str], sheet: Sheet, conventions: Conventions) -> list[str]:
    """The clips in the order that the evaluator brings the rows to."""
    return [order[i] for i in _sorted(table, sheet, conventions)]


def _sorted(table: Table, sheet: Sheet, conventions: Conventions) -> list[int]:
    """The places of the rows in the order that the evaluator brings them to: of their text, marks and all."""
    written = [line.cells for line in table.lines]
    if table.marked and written:
        written[0] = (BOM + written[0][0], *written[0][1:])
    keys = [(sheet.mapped.get(name, name), value) for name, value in written]
    if conventions.sorts == "names":
        keys = [(name, "") for name, _ in keys]
    return sorted(range(len(keys)), key=lambda i: keys[i])


def _some(words: Sequence[str]) -> str:
    """The first few of a list."""
    more = len(words) - _MANY
    return ", ".join(words[:_MANY]) + (f" and {more} more" if more > 0 else "")
