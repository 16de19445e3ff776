"""Comma-separated tables of clips, line by line: score and decision files, ground truth. Nothing in them is guessed."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.errors import GensupError
from gensup.metadata import names
from gensup.store.files import read_bytes

BOM = "\ufeff"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table, and where it stands."""

    path: Path
    number: int  # from 1
    text: str
    cells: tuple[str, ...]
    stem: str = ""  # the clip of the first cell: file name without folder and ``.wav``

    def refused(self, what: str, rule: str, remedy: str = "") -> GensupError:
        """The error about this row."""
        return GensupError(what, where=f"{self.path}:{self.number}", value=self.text, rule=rule, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows. A byte order mark is no part of the first name."""

    path: Path
    lines: tuple[Line, ...]
    marked: bool  # with a byte order mark


def read_table(path: Path, columns: Sequence[int]) -> Table:
    """Read a table whose rows have one of these numbers of cells.

    Raises:
        GensupError: unreadable, not UTF-8, a blank line, open quotes, or another number of cells.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise GensupError(
            "not text in UTF-8",
            where=f"{path}:{number}",
            value=data.split(b"\n")[number - 1][:200].decode("latin-1"),
            rule=f"byte 0x{data[error.start]:02x}; score and ground truth files are UTF-8",
            remedy="save it again as UTF-8",
        ) from None
    marked = text.startswith(BOM)
    written = re.split(r"\r\n|\n|\r", text.removeprefix(BOM))
    if not written[-1]:
        written.pop()
    return Table(path, tuple(_line(path, i, line, columns) for i, line in enumerate(written, start=1)), marked)


def number(line: Line, cell: int = 1) -> float:
    """A finite number."""
    text = line.cells[cell].strip()
    if not _NUMBER.fullmatch(text):
        what, remedy = "not a number", ""
        if line.number == 1:
            what, remedy = "not a number in the first row", "a header line is to be removed"
        raise line.refused(what, "name,number in every row and no header", remedy)
    value = float(text)
    if value - value != 0:
        raise line.refused("the number is not finite", "every clip has a finite number")
    return value


def flag(line: Line, what: str, cell: int = 1) -> bool:
    """0 or 1."""
    value = number(line, cell)
    if value not in (0, 1):
        raise line.refused(f"{what} is neither 0 nor 1", "0 or 1 in every row")
    return value == 1


def _line(path: Path, at: int, text: str, columns: Sequence[int]) -> Line:
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise Line(path, at, text, ()).refused(f"not a row of a table ({error})", "cells between commas") from None
    line = Line(path, at, text, tuple(cells), names.stem(cells[0].strip()) if cells else "")
    if not any(cell.strip() for cell in cells):
        raise line.refused("a blank line", "one clip a line", "remove it")
    if len(cells) not in columns:
        other = next((mark for mark in ";\t" if mark in text and len(cells) == 1), None)
        wanted = " or ".join(map(str, columns))
        raise line.refused(
            f"{len(cells)} columns instead of {wanted}",
            "cells are separated by commas",
            "" if other is None else f"these are separated by {'semicolons' if other == ';' else 'tabs'}; use commas",
        )
    if not line.stem:
        raise line.refused("no file name", "the first cell names the clip")
    return line
