"""Whole files or none: temporary file, fsync, ``os.replace``, fsync of the folder."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.clip import Json

_serial = count()  # two threads of one process may write at once

_REMEDIES = {
    errno.ENOSPC: "free some space, or name another place",
    errno.EDQUOT: "free some of your quota, or name another place",
    errno.EACCES: "name a folder you may write to, or change its permissions",
    errno.EPERM: "name a folder you may write to, or change its permissions",
    errno.EROFS: "name a folder you may write to",
    errno.ENAMETOOLONG: "name it shorter",
}


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write a file that appears under its name only when it is whole.

    Yields the path of an empty temporary file in the same folder (made when missing) to write to; its name says
    nothing of the format, so writers say the format themselves. On any error the temporary file is removed and the
    old file stays. A symbolic link is followed.

    Raises:
        GensupError: the folder cannot be written, the disk is full, or the path is a folder or a device.
    """
    path = Path(os.path.realpath(path))
    # The stem is cut: a name of 255 bytes is a name that the temporary file could not outgrow.
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}-{next(_serial)}.tmp")
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a device"
            raise GensupError(f"{kind} stands where a file is to be", where=str(path), remedy="name another place")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made here and not by the writer: libsndfile, for one, does not say why it could not open a file.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        refuse(path, error)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename in (None, str(temporary)):
            refuse(path, error)
        raise  # about another file, which the writer read
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sweep(folder: Path) -> int:
    """Remove the temporary files that killed writers left in a folder and below it; how many there were.

    Only for who holds the folder's lock: a living writer's temporary files look the same.
    """
    leftovers = [path for path in folder.rglob(".*.tmp") if is_temporary(path.name) and path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that ``atomic`` left behind."""
    parts = name.rsplit(".", 2)
    return name.startswith(".") and len(parts) == 3 and parts[2] == "tmp" and parts[1].replace("-", "", 1).isdecimal()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, see ``atomic``."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file with the line ends as given, see ``atomic``."""
    write_bytes(path, text.encode())


def write_json(path: Path, obj: Json) -> None:
    """Write canonical JSON that a person can read: sorted keys, two spaces, newline at the end, see ``atomic``."""
    write_bytes(path, encode(obj, str(path), indent=2) + b"\n")


def read_json(path: Path) -> Json:
    """A JSON file's value.

    Raises:
        GensupError: missing, unreadable or damaged.
    """
    return decode(read_bytes(path), str(path), "name another file, or remove it so that it is made again")


def read_bytes(path: Path) -> bytes:
    """A file's bytes; GensupError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def encode(obj: Json, where: str, indent: int | None = None) -> bytes:
    """Canonical JSON: sorted keys, UTF-8; what UTF-8 cannot say (a file name's stray bytes) as ``\\uXXXX``.

    Raises:
        GensupError: a number is not finite; JSON has no such numbers.
    """
    separators = (",", ":") if indent is None else None
    try:
        text = json.dumps(
            obj, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
        )
    except ValueError as error:
        raise GensupError(
            "cannot be written as JSON", where=where, value=str(error), rule="numbers are finite"
        ) from None
    # backslashreplace writes a lone surrogate as \udcXX, which inside a JSON string is its escape.
    return text.encode("utf-8", "backslashreplace")


def decode(data: bytes, where: str, remedy: str) -> Json:
    """The value of JSON bytes (UTF-8, with or without a byte order mark); GensupError when they are damaged."""
    try:
        value: Json = json.loads(data.decode("utf-8-sig"), parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise GensupError("not valid JSON", where=where, value=str(error), remedy=remedy) from None
    return value


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes; GensupError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable: without it a power cut may forget a file whose bytes are safe."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            refuse(folder, error)
    finally:
        os.close(descriptor)


def unreadable(path: Path, error: OSError) -> GensupError:
    """The GensupError for a file that could not be read."""
    return GensupError("cannot be read", where=str(path), value=error.strerror, remedy="check the path")


def refuse(path: Path, error: OSError) -> NoReturn:
    """Raise the GensupError for a file that could not be written."""
    remedy = _REMEDIES.get(error.errno or 0, "name another place")
    raise GensupError("cannot be written", where=str(path), value=error.strerror, remedy=remedy) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
