"""Attribute tables as rows: every variant that was published, and tables of a user's own.

    file_name[,d1p,d1v[,d2p,d2v...]][,file_name_with_attributes]    attributes_00.csv since 2022, and the evaluators'
    source_file_name,target_file_name                               correspondence tables: named with, and without
    section_00_0000.wav,section_00_source_normal_0035_weight15      evaluators' tables and lists; a line with nothing
                                                                    but a machine's name says whose the next ones are
    file_name,rpm,load                                              a user's own: a column is an attribute

Separated by commas, semicolons or tabs; UTF-8 (a byte order mark is welcome) or UTF-16 with one. Rows of the published
kinds may be shorter or longer than their header says, as real ones are: what is an audio name is found by its form.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path, PurePosixPath

from gensup.errors import GensupError
from gensup.metadata.names import EXTENSIONS

MAX_BYTES = 1 << 28
MAX_COLUMNS = 200
MAX_TEXT = 300  # characters of a key, a value or a machine's name

_NAME_COLUMNS = ("file_name", "filename", "file", "path", "name")
_FULL_COLUMN = re.compile(r"file_?name_with_.*attributes?")
_NUMBERED = re.compile(r"d([0-9]+)(p|v)")
_WRITTEN_LIKE_ONE = re.compile(r"(?:[^/]*/)*(?:section_[0-9]+_|(?:normal_|anomaly_)?id_[0-9]+_[0-9]{8})")
_EMPTY = ("", "nan")  # what pandas writes where there is nothing
_TABLES = re.compile(r"(?:.*[_-])?attributes?(?:[_-].*)?\.csv|.*correspondence.*\.csv|eval_data_list.*\.csv")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: which clip it speaks of, and what it says, not yet understood."""

    line: int  # from 1; of a row that runs over several lines, the last
    name: str  # of the clip, with or without folders and extension
    machine: str | None  # by a line of its own above
    cells: tuple[str, ...]  # all of the line
    columns: tuple[str, ...]  # lower case; () without a header


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of its clip."""

    full: str | None  # the name that writes the attributes
    pairs: tuple[tuple[str, str], ...]
    odd: str = ""  # what could not be understood of it
    labels: bool = False  # the row is of a list or a correspondence: its full name also says domain and condition


def is_table(path: str) -> bool:
    """Whether a file's name says that it is an attribute table."""
    place = PurePosixPath(path.lower())
    listed = place.suffix == ".csv" and "ground_truth_attributes" in place.parts
    return listed or _TABLES.fullmatch(place.name) is not None


def rows(file: Path) -> Iterator[Row]:
    """The rows of a table, in order; headers that are repeated further down are passed over.

    Raises:
        GensupError: no such file, too large, another encoding, not a table, or a header that contradicts itself; with
            file, line and the line itself.
    """
    text = _text(file)
    separator = _separator(text)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    machine: str | None = None
    begun = False
    line = 0
    try:
        for raw in reader:
            line = reader.line_num
            cells = tuple(cell.strip() for cell in raw)
            if not any(cells):
                continue
            if len(cells) > MAX_COLUMNS:
                raise _bad(file, line, cells, "too many columns", f"at most {MAX_COLUMNS}")
            if not begun:
                begun = True
                columns = _header(file, line, cells)
                if columns:
                    header = cells
                    continue
            elif header and cells == header:
                continue
            if not columns and len(cells) == 1 and not _is_audio(cells[0]):
                if len(cells[0]) > MAX_TEXT or not cells[0].isprintable():
                    raise _bad(file, line, cells, "no machine's name", "one word on a line")
                machine = cells[0]
                continue
            at = columns.index("target_file_name") if "target_file_name" in columns else _name_at(columns)
            if at < len(cells) and cells[at]:
                yield Row(line, cells[at].replace("\\", "/"), machine, cells, columns)
            else:
                raise _bad(file, line, cells, "a row without a file name", "every row names its clip")
    except csv.Error as error:
        raise GensupError(
            "not a table",
            where=f"{file}:{line + 1}",
            value=_line(text, line + 1),
            rule=str(error),
            remedy="mend the line: a quote is closed, and doubled within quotes",
        ) from None


def said(file: Path, row: Row) -> Said:
    """What a row says.

    Raises:
        GensupError: a row of a user's own table that is longer than its header, or a key or value that is not plain.
    """
    if "source_file_name" in row.columns:
        at = row.columns.index("source_file_name")
        full = row.cells[at] if at < len(row.cells) else ""
        return replace(_checked(file, row, full or None, [], ""), labels=True)
    own = [column for column in row.columns if not _published(column)]
    if own:
        if len(row.cells) > len(row.columns):
            raise _bad(file, row.line, row.cells, "more cells than columns", f"{len(row.columns)} of them")
        pairs = _numbered(row)
        cells = zip(row.columns, row.cells, strict=False)
        pairs += [(column, cell) for column, cell in cells if column in own and cell.lower() not in _EMPTY]
        full = next((text for column, text in zip(row.columns, row.cells, strict=False) if _is_full(column)), "")
        return _checked(file, row, full or None, pairs, "")
    # Rows of the published kinds: a name, pairs, and perhaps the name with attributes, wherever it stands.
    rest = list(row.cells)
    rest.pop(_name_at(row.columns))
    names = [cell for cell in rest if _is_audio(cell)]
    rest = [cell for cell in rest if not _is_audio(cell)]
    while rest and rest[-1].lower() in _EMPTY:
        rest.pop()
    if not row.columns and names:
        # 2020's lists say the label as a third column; the name does, too.
        return replace(_checked(file, row, names[0], [], ""), labels=True)
    odd = "a key without a value" if len(rest) % 2 else "two full names" if len(names) > 1 else ""
    found = zip(rest[0::2], rest[1::2], strict=False)
    pairs = [(key, value) for key, value in found if key.lower() not in _EMPTY and value.lower() not in _EMPTY]
    return _checked(file, row, names[0] if names else None, pairs, odd)


def _checked(file: Path, row: Row, full: str | None, pairs: list[tuple[str, str]], odd: str) -> Said:
    for text in (*(text for pair in pairs for text in pair), full or ""):
        if len(text) > MAX_TEXT or not text.isprintable():
            raise _bad(file, row.line, row.cells, "no plain text", f"printable, at most {MAX_TEXT} characters")
    return Said(full, tuple(pairs), odd)


def _numbered(row: Row) -> list[tuple[str, str]]:
    cells = dict(zip(row.columns, row.cells, strict=False))
    numbers = [found[1] for column in row.columns if (found := _NUMBERED.fullmatch(column)) and found[2] == "p"]
    pairs = [(cells.get(f"d{number}p", ""), cells.get(f"d{number}v", "")) for number in numbers]
    return [(key, value) for key, value in pairs if key.lower() not in _EMPTY and value.lower() not in _EMPTY]


def _header(file: Path, line: int, cells: tuple[str, ...]) -> tuple[str, ...]:
    """The columns in lower case; () where the first row is no header."""
    columns = tuple(cell.lower() for cell in cells)
    named = [column for column in columns if column in _NAME_COLUMNS or column.endswith("_file_name")]
    if not named:
        if any(_is_audio(cell) for cell in cells) or len(cells) == 1:
            return ()
        raise _bad(file, line, cells, "no column file_name", "a header names the column of the clips' file names")
    doubled = sorted({column for column in columns if column and columns.count(column) > 1})
    if doubled:
        raise _bad(file, line, cells, f"a column that stands there twice: {doubled[0]}", "each column once")
    if ("source_file_name" in columns) != ("target_file_name" in columns):
        raise _bad(file, line, cells, "half a correspondence", "both source_file_name and target_file_name")
    for column in columns:
        found = _NUMBERED.fullmatch(column)
        other = f"d{found[1]}{'v' if found[2] == 'p' else 'p'}" if found else column
        if other not in columns:
            raise _bad(file, line, cells, f"{column} without {other}", "a key and its value")
    # Keys of a user's own columns are kept as they are written.
    return tuple(column if _published(column) else cell for column, cell in zip(columns, cells, strict=True))


def _published(column: str) -> bool:
    low = column.lower()
    named = not low or low in _NAME_COLUMNS or low.endswith("_file_name")
    return named or _is_full(low) or _NUMBERED.fullmatch(low) is not None


def _is_full(column: str) -> bool:
    return _FULL_COLUMN.fullmatch(column.lower()) is not None


def _name_at(columns: Sequence[str]) -> int:
    return next((at for at, column in enumerate(columns) if column in _NAME_COLUMNS), 0)


def _is_audio(cell: str) -> bool:
    """Whether a cell is a clip's name: it ends like one, or is written like one."""
    return cell.lower().endswith(EXTENSIONS) or _WRITTEN_LIKE_ONE.match(cell) is not None


def _text(file: Path) -> str:
    if not file.is_file():
        raise GensupError("no such file", where=str(file), remedy="name a table of file names and attributes")
    if file.stat().st_size > MAX_BYTES:
        raise GensupError("too large for a table", where=str(file), rule=f"at most {MAX_BYTES >> 20} MiB")
    data = file.read_bytes()
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raw = data.splitlines()[line - 1][:200] if data.splitlines()[line - 1 :] else b""
        raise GensupError(
            "not UTF-8",
            where=f"{file}:{line}",
            value=raw.decode("latin-1"),
            rule=f"byte {data[error.start]:#x}",
            remedy="save the table as UTF-8",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise GensupError("not a text file", where=f"{file}:{line}", value=_line(text, line), rule="no zero bytes")
    return text


def _separator(text: str) -> str:
    """The one of , ; and tab that the first line with any of them has most of."""
    for line in text.splitlines():
        counts = {separator: line.count(separator) for separator in (",", ";", "\t")}
        if any(counts.values()):
            return max(counts, key=lambda separator: counts[separator])
    return ","


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1][:200] if 0 < number <= len(lines) else ""


def _bad(file: Path, line: int, cells: Sequence[str], what: str, rule: str) -> GensupError:
    return GensupError(what, where=f"{file}:{line}", value=",".join(cells)[:200], rule=rule, remedy="mend the line")
