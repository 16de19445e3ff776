"""One file of a record, fetched in as many goes as it takes, and named only when its checksum is right.

pooch checks and names files likewise, but a transfer that breaks off starts over there; a machine's archive has up to
two gigabytes, and the server is known to break off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.retrieval.http import Client, PassingError
from gensup.retrieval.listener import Listener
from gensup.retrieval.record import RecordFile
from gensup.store.files import refuse, sync_folder

if TYPE_CHECKING:
    import requests

MEBIBYTE = 1 << 20
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)")


def part_path(target: Path) -> Path:
    """Where a file grows until it is whole."""
    return target.with_name(f"{target.name}.part")


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def fetch(client: Client, record: int, file: RecordFile, target: Path, listener: Listener) -> None:
    """Fetch a file to ``target``; what an earlier call left in ``target``.part is continued.

    The caller holds the folder's lock.

    Raises:
        GensupError: refused, out of tries, a checksum that stays wrong, or the folder cannot be written.
    """
    part = part_path(target)
    url = client.file_url(record, file)
    for _ in range(client.patience.wrong):
        try:
            _complete(client, url, file, part, listener)
            if file.checksum.matches(part):
                with part.open("rb+") as whole:
                    os.fsync(whole.fileno())
                part.replace(target)
                sync_folder(target.parent)
                return
            part.unlink()
        except OSError as error:
            refuse(part, error)
        listener.note(f"{file.name}: its bytes are not those of the record ({file.checksum}); fetched anew")
    raise GensupError(
        "wrong bytes",
        where=url,
        rule=f"the record says {file.checksum}; fetched {client.patience.wrong} times",
        remedy="try another network or a --mirror, or fetch it by hand and use --from-dir",
    )


def _complete(client: Client, url: str, file: RecordFile, part: Path, listener: Listener) -> None:
    """Let the part grow to the file's size."""
    part.touch()
    vain = 0
    while (have := size_of(part)) != file.size:
        if have > file.size:
            part.unlink()
            part.touch()
            have = 0
        try:
            blocks = _blocks(client, url, file, part, have, listener)
            total = -(-(file.size - have) // MEBIBYTE)
            for _ in listener.follow(blocks, total, f"{file.name}, MiB" + (" (continued)" if have else "")):
                pass
        except PassingError as passing:
            now = size_of(part)
            vain = 0 if now - have >= client.patience.worthwhile else vain + 1
            client.wait(url, vain, passing, listener.note, f" at {100 * now // max(file.size, 1)} %")


def _blocks(client: Client, url: str, file: RecordFile, part: Path, have: int, listener: Listener) -> Iterator[int]:
    """One answer's bytes into the part; yields once a mebibyte."""
    with client.open(url, have) as answer:
        start = _start(answer, file, part, have)
        if have and not start:
            listener.note(f"{file.name}: the server does not continue at {have} bytes; started over")
        with part.open("ab" if start else "wb", buffering=0) as out:
            size, said = start, start // MEBIBYTE
            for piece in client.pieces(answer):
                size += len(piece)
                if size > file.size:
                    break
                out.write(piece)
                while said < size // MEBIBYTE:
                    said += 1
                    yield said
    if size > file.size:
        part.unlink()
        raise PassingError(f"more than the {file.size} bytes of the record")
    if size < file.size:
        raise PassingError(f"broke off at {size} of {file.size} bytes")
    if size % MEBIBYTE:
        yield said + 1


def _start(answer: requests.Response, file: RecordFile, part: Path, have: int) -> int:
    """The byte that an answer begins at: ``have``, or 0 where the server cannot continue.

    Raises:
        PassingError: it is no answer to what was asked. Where that was a range, the part is emptied: the next try asks
            for the whole file.
    """
    if answer.status_code in (206, 416):
        said = answer.headers.get("Content-Range", "")
        found = _RANGE.fullmatch(said)
        if answer.status_code == 206 and found and int(found[1]) == have and found[2] in ("*", str(file.size)):
            return have
        part.write_bytes(b"")
        raise PassingError(f"{said or answer.status_code} instead of the bytes from {have} on")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != file.size:
        kind = answer.headers.get("Content-Type", "something")
        raise PassingError(f"{length} bytes of {kind} instead of {file.size}")
    return 0
