"""Append-only rows: what a worker has done survives whatever happens to it next."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gensup.errors import GensupError
from gensup.store.files import decode, encode, refuse, sync_folder, unreadable

if TYPE_CHECKING:
    from gensup.clip import Json

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Journal:
    """JSON objects, one a line, with one writer: each worker has its own file.

    A row counts once its newline is on disk. What a killed writer left after the last newline is passed over by
    ``read`` and cut off by the next append.
    """

    path: Path

    def append(self, row: dict[str, Json]) -> None:
        """Add one row; it is on disk when this returns."""
        self.append_many([row])

    def append_many(self, rows: Iterable[dict[str, Json]]) -> None:
        """Add rows with a single fsync, all of them or, when one cannot be written as JSON, none.

        Raises:
            GensupError: the file cannot be written, or a number is not finite.
        """
        data = b"".join(encode(row, str(self.path)) + b"\n" for row in rows)
        if not data:
            return
        try:
            fresh = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                _cut_half_line(file)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            refuse(self.path, error)
        if fresh:
            sync_folder(self.path.parent)

    def read(self) -> list[dict[str, Json]]:
        """All whole rows, in the order they were written; none when there is no file yet.

        Raises:
            GensupError: a line before the last newline is damaged; nothing but this program's rows belongs there.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self.path, error) from None
        lines = data[: data.rfind(b"\n") + 1].splitlines()
        return [row_of(line, f"{self.path}, line {number}") for number, line in enumerate(lines, start=1)]


def row_of(line: bytes, where: str) -> dict[str, Json]:
    """The JSON object that a line holds; GensupError naming the line when it holds something else."""
    remedy = "take the line out, or restore the file"
    row = decode(line, where, remedy)
    if not isinstance(row, dict):
        raise GensupError("not a JSON object", where=where, value=type(row).__name__, remedy=remedy)
    return row


def _cut_half_line(file: BinaryIO) -> None:
    """Truncate to the last newline, read backwards: a journal may be long and the half line is at its end."""
    end = size = file.seek(0, SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)
