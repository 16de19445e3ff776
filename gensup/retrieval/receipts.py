"""What was fetched and unpacked, one small file an archive: why nothing is fetched twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from gensup.errors import GensupError
from gensup.retrieval.zips import Member, crc_of
from gensup.store import SCHEMA, check_schema, read_json, version, write_json


@dataclass(frozen=True, slots=True)
class Receipt:
    """An archive that was there, and right: its record and licence, and what it was unpacked to.

    Attributes:
        archive: file name in the record.
        size: bytes.
        checksum: as the record says it.
        record: number.
        licence: of the record; None where it says none.
        into: folder below the year's folder that it was unpacked in; None when it was not.
        members: the files it brought, below ``into``.
    """

    archive: str
    size: int
    checksum: str
    record: int
    licence: str | None
    into: str | None = None
    members: tuple[Member, ...] = ()

    def missing(self, root: Path) -> str | None:
        """A file that is no longer below the year's folder as it was unpacked, by name and size; None: all are."""
        for member in self.members:
            path = root / (self.into or "") / member.path
            if not path.is_file() or path.stat().st_size != member.size:
                return member.path
        return None

    def altered(self, root: Path) -> str | None:
        """A file whose bytes are no longer those that were unpacked; None: all are."""
        for member in self.members:
            path = root / (self.into or "") / member.path
            if path.is_file() and crc_of(path) != member.crc:
                return member.path
        return None


def receipt_path(folder: Path, archive: str) -> Path:
    """Where an archive's receipt lies: beside it."""
    return folder / f"{archive}.json"


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Write a receipt, see ``store.atomic``."""
    row = asdict(receipt) | {"members": [[m.path, m.size, m.crc] for m in receipt.members]}
    write_json(receipt_path(folder, receipt.archive), {"schema": SCHEMA, "gensup": version(), **row})


def read_receipt(folder: Path, archive: str) -> Receipt | None:
    """An archive's receipt; None where there is none.

    Raises:
        GensupError: it is damaged, or a newer gensup wrote it.
    """
    path = receipt_path(folder, archive)
    if not path.is_file():
        return None
    found = read_json(path)
    row = found if isinstance(found, dict) else {}
    check_schema(row.get("schema"), str(path), row.get("gensup"))
    try:
        rows = cast("list[tuple[str, int, int]]", row["members"])
        return Receipt(
            archive=str(row["archive"]),
            size=cast(int, row["size"]),
            checksum=str(row["checksum"]),
            record=cast(int, row["record"]),
            licence=cast("str | None", row["licence"]),
            into=cast("str | None", row["into"]),
            members=tuple(Member(path, size, crc) for path, size, crc in rows),
        )
    except (KeyError, TypeError, ValueError):
        raise GensupError(
            "a damaged receipt", where=str(path), remedy="remove it; the archive is looked at again"
        ) from None


def unpacked_paths(folder: Path, into: str) -> Mapping[str, tuple[int, int]]:
    """Size and CRC-32 of all that the receipts of a folder say was unpacked ``into`` one place, by path."""
    paths: dict[str, tuple[int, int]] = {}
    for path in sorted(folder.glob("*.zip.json")):
        receipt = read_receipt(folder, path.name.removesuffix(".json"))
        if receipt is not None and receipt.into == into:
            paths.update((member.path, (member.size, member.crc)) for member in receipt.members)
    return paths
