"""metadata.jsonl: one row a clip, written once and sorted, so that the same clips make the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.store.files import encode, read_bytes, write_bytes
from gensup.store.journal import row_of
from gensup.store.schema import check_schema

if TYPE_CHECKING:
    from gensup.clip import Json


def write_manifest(path: Path, rows: Iterable[Mapping[str, Json]], key: str = "id") -> None:
    """Write rows sorted by ``key``, canonical JSON, a line each.

    Raises:
        GensupError: two rows of one id or one file, a row without an id, an unsafe ``file_name``, or the file cannot be
            written.
    """
    checked = _Checked(key)
    for number, row in enumerate(rows, start=1):
        checked.add(dict(row), f"{path}, row {number}")
    ordered = [checked.rows[name] for name in sorted(checked.rows)]
    write_bytes(path, b"".join(encode(row, str(path)) + b"\n" for row in ordered))


def read_manifest(path: Path, key: str = "id") -> list[dict[str, Json]]:
    """The rows of a manifest, ours or another tool's, in the file's order; blank lines are passed over.

    Raises:
        GensupError: a line is no JSON object, lacks its id, repeats an id or a file, comes from a newer gensup, or
            names a file outside the manifest's folder.
    """
    checked = _Checked(key)
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            checked.add(row_of(line, where), where)
    return list(checked.rows.values())


class _Checked:
    """Rows by id, each checked as it is added."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.rows: dict[str, dict[str, Json]] = {}
        self.files: set[str] = set()

    def add(self, row: dict[str, Json], where: str) -> None:
        if "schema" in row:
            check_schema(row["schema"], where)
        name = row.get(self.key)
        if not isinstance(name, str) or not name:
            raise GensupError("a row without an id", where=where, value=name, rule=f"`{self.key}` is a text")
        if name in self.rows:
            raise GensupError("two rows of one id", where=where, value=name, remedy="take one of them out")
        self.rows[name] = row
        if "file_name" in row:
            file = _safe(row["file_name"], where)
            if file in self.files:
                raise GensupError("two rows of one file", where=where, value=file, remedy="take one of them out")
            self.files.add(file)


def _safe(file: Json, where: str) -> str:
    """``file`` when it names something below the manifest's own folder, on any system."""
    rule = "`file_name` is a path below the manifest's folder, without `..`"
    if not isinstance(file, str) or not file or "\0" in file:
        raise GensupError("no file name", where=where, value=file, rule=rule)
    if file[0] in "/\\" or re.match(r"[A-Za-z]:", file) or ".." in re.split(r"[/\\]", file):
        raise GensupError("an unsafe file name", where=where, value=file, rule=rule, remedy="take the row out")
    return file
