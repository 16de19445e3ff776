"""What a record says of its files: names, sizes, checksums, and where they are fetched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.store.files import decode, unreadable

if TYPE_CHECKING:
    from gensup.clip import Json

_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}  # hexadecimal digits
_NAME = re.compile(r"[^/\\\0.][^/\\\0]{0,199}")


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest in lower-case hexadecimal digits, and what it was computed with."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"

    def matches(self, path: Path) -> bool:
        """Whether a file has this checksum.

        Raises:
            GensupError: it cannot be read.
        """
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, self._new).hexdigest() == self.digest
        except OSError as error:
            raise unreadable(path, error) from None

    def _new(self) -> hashlib._Hash:
        # It guards against broken transfers; machines that forbid md5 for security allow it for that.
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One file of a record: ``size`` in bytes, ``url`` as the record gives it (None: not given)."""

    name: str
    size: int
    checksum: Checksum
    url: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its number, title, licence (None: not said) and files."""

    id: int
    title: str
    licence: str | None
    files: tuple[RecordFile, ...]


def parse_record(data: bytes, id: int, where: str) -> Record:  # noqa: A002 - what the API calls it
    """Read a record's JSON, in Zenodo's own form (``files`` a list) or InvenioRDM's (``files.entries``).

    Args:
        data: the answer of ``records/<id>``.
        id: the number that was asked for.
        where: its address or file, for messages.

    Raises:
        GensupError: it is no such JSON, is another record, or names a file that cannot be checked or safely stored.
    """
    remedy = "name the address that `records/<id>` lies below, like https://zenodo.org/api"
    found = decode(data, where, remedy)
    if not isinstance(found, dict) or "files" not in found:
        raise GensupError("not a record", where=where, rule="a JSON object with `files`", remedy=remedy)
    if str(found.get("id", id)) != str(id):
        raise GensupError("another record", where=where, value=found["id"], rule=f"{id} was asked for")
    metadata = found.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    title = said.get("title") or found.get("title")
    read = tuple(_file(entry, where) for entry in _entries(found["files"], where))
    if len({file.name for file in read}) != len(read):
        raise GensupError("a record that names a file twice", where=where)
    return Record(id, str(title) if title else f"record {id}", _licence(said), read)


def _entries(files: Json, where: str) -> list[dict[str, Json]]:
    if isinstance(files, dict):
        inner = files.get("entries")
        files = (
            [{"key": key, **entry} for key, entry in inner.items() if isinstance(entry, dict)]
            if isinstance(inner, dict)
            else inner
        )
    if not isinstance(files, list) or not files:
        raise GensupError("a record without files", where=where, rule="`files` lists at least one")
    entries = [entry for entry in files if isinstance(entry, dict)]
    if len(entries) != len(files):
        raise GensupError("a file entry that is no object", where=where)
    return entries


def _file(entry: Mapping[str, Json], where: str) -> RecordFile:
    name = entry.get("key") or entry.get("filename")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise GensupError("a file name that is not safe", where=where, value=str(name), rule="a plain name, no folders")
    size = entry["size"] if "size" in entry else entry.get("filesize")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise GensupError("a file without a size", where=where, value=f"{name}: {size}", rule="`size` in bytes")
    links = entry.get("links")
    url = (links.get("content") or links.get("download") or links.get("self")) if isinstance(links, dict) else None
    return RecordFile(name, size, _checksum(entry.get("checksum"), f"{where}, {name}"), str(url) if url else None)


def _checksum(said: Json, where: str) -> Checksum:
    """``md5:9e10…``, or bare digits, which older answers have for md5."""
    if isinstance(said, str):
        algorithm, colon, digest = said.lower().rpartition(":")
        algorithm = algorithm if colon else "md5"
        if re.fullmatch(rf"[0-9a-f]{{{_LENGTHS.get(algorithm, 0)}}}", digest) and digest:
            return Checksum(algorithm, digest)
    rule = "`checksum` is like md5:<32 hexadecimal digits>"
    raise GensupError("no checksum", where=where, value=str(said), rule=rule)


def _licence(metadata: Mapping[str, Json]) -> str | None:
    """``license: {id}`` in Zenodo's form, ``rights: [{id}, …]`` in InvenioRDM's."""
    said = metadata.get("license") or metadata.get("rights")
    for one in said if isinstance(said, list) else [said]:
        name = (one.get("id") or one.get("title")) if isinstance(one, dict) else one
        if isinstance(name, str) and name:
            return name
    return None
