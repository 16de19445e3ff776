"""An archive made files, none of them outside its folder, none of them half, and no more bytes than it says.

zipfile reads the format and checks every member's CRC; what a hostile or damaged archive may ask for is refused here,
before the first byte is written.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from gensup.errors import GensupError
from gensup.retrieval.listener import Listener
from gensup.store.files import refuse, sync_folder, unreadable

BLOCK = 1 << 20
MAX_MEMBERS = 1 << 18
MAX_GROWTH = 20
"""Recordings shrink to a half; digital silence shrinks a thousandfold, so little archives may grow to ``FREE``."""
FREE = 1 << 30
_NO_RECORDING = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
_SPLITS = {"train", "test", "source_test", "target_test", "supplemental"}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: POSIX path below where it is unpacked, bytes, and CRC-32."""

    path: str
    size: int
    crc: int


def members(archive: Path, machine: str = "") -> tuple[Member, ...]:
    """An archive's files, each checked to stay below the folder it is unpacked in.

    Args:
        archive: a zip.
        machine: put before every path of an archive that begins at its ``train`` and ``test`` folders.

    Raises:
        GensupError: no zip, or one that is damaged, encrypted, too large for what it is, or that holds a name leading
            out of its folder, a link, a device, or a name twice.
    """
    with _opened(archive) as zipped:
        return tuple(member for member, _ in _checked(zipped, archive, machine))


def unpack(
    archive: Path, into: Path, *, machine: str, ours: Mapping[str, tuple[int, int]], listener: Listener
) -> tuple[Member, ...]:
    """Unpack an archive below a folder: into a hidden folder first, then each file under its name, whole.

    A file that stands there already is left when it is the same. The caller holds the folder's lock.

    Args:
        archive: a zip.
        into: the folder, made when missing.
        machine: see ``members``.
        ours: size and CRC-32 of the files that earlier archives brought, by path: those may be replaced.
        listener: follows the files.

    Raises:
        GensupError: see ``members``; too little space; or a file of somebody else's that differs stands in the way.
    """
    hidden = into / f".unpacking-{archive.name[:100]}"
    with _opened(archive) as zipped:
        checked = _checked(zipped, archive, machine)
        found = tuple(member for member, _ in checked)
        _check_free_way(found, into, ours, archive)
        check_space(into, sum(member.size for member in found), f"to unpack {archive.name}")
        try:
            shutil.rmtree(hidden, ignore_errors=True)  # a killed run's
            hidden.mkdir(parents=True)
            doing = f"{archive.name}, unpacking"
            for _ in listener.follow(_written(zipped, checked, hidden, archive), len(checked), doing):
                pass
            _merge(hidden, into)
        except OSError as error:
            refuse(into, error)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
    return found


def check_space(folder: Path, bytes_: int, what_for: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        GensupError: fewer bytes are free.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if bytes_ > free:
        raise GensupError(
            "too little space",
            where=str(folder),
            value=f"{free / 2**30:.2f} GiB free",
            rule=f"{bytes_ / 2**30:.2f} GiB are needed {what_for}",
            remedy="free some, name another --out, or fewer machines",
        )


def crc_of(path: Path) -> int:
    """CRC-32 of a file's bytes; GensupError when it cannot be read."""
    crc = 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                crc = zlib.crc32(block, crc)
    except OSError as error:
        raise unreadable(path, error) from None
    return crc


def _opened(archive: Path) -> ZipFile:
    try:
        return ZipFile(archive)
    except OSError as error:
        raise unreadable(archive, error) from None
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise _bad(archive, "not a zip, or a damaged one", str(error)) from None


def _checked(zipped: ZipFile, archive: Path, machine: str) -> list[tuple[Member, ZipInfo]]:
    infos = [info for info in zipped.infolist() if not info.is_dir() and not _NO_RECORDING.fullmatch(_posix(info))]
    if len(infos) > MAX_MEMBERS:
        raise _bad(archive, "too many files", len(infos))
    for info in zipped.infolist():
        _check(info, archive)
    whole = archive.stat().st_size
    if sum(info.compress_size for info in infos) > whole:
        raise _bad(archive, "files that overlap", f"they claim more than the archive's {whole} bytes")
    size, most = sum(info.file_size for info in infos), max(FREE, MAX_GROWTH * whole)
    if size > most:
        raise _bad(archive, "it would grow absurdly", f"{size} bytes out of {whole}")
    tops = {path.partition("/")[0] for path in map(_posix, infos) if "/" in path}
    prefix = f"{machine}/" if machine and tops & _SPLITS else ""
    checked = [(Member(prefix + _posix(info), info.file_size, info.CRC), info) for info in infos]
    seen: set[str] = set()
    for member, _ in checked:
        if member.path in seen:
            raise _bad(archive, "a name that stands there twice", member.path)
        seen.add(member.path)
    if not checked:
        raise _bad(archive, "nothing in it", None)
    return checked


def _check(info: ZipInfo, archive: Path) -> None:
    path = _posix(info)
    parts = path.rstrip("/").split("/")
    if not parts[0] or re.match(r"[A-Za-z]:", path) or {"..", ".", ""} & set(parts):
        raise _bad(archive, "a name that leads out of its folder", info.filename)
    if parts[0].startswith(".") and not _NO_RECORDING.fullmatch(path):
        raise _bad(archive, "a hidden folder or file at its top", info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _bad(archive, "a link or a device", info.filename)
    if info.flag_bits & 1:
        raise _bad(archive, "an encrypted file", info.filename)


def _posix(info: ZipInfo) -> str:
    """The name with the separators that zips ought to have; some tools write the other ones."""
    return re.sub(r"^(?:\./)+", "", info.filename.replace("\\", "/"))


def _check_free_way(found: Sequence[Member], into: Path, ours: Mapping[str, tuple[int, int]], archive: Path) -> None:
    for member in found:
        path = into / member.path
        if not path.is_file():
            continue
        standing = path.stat().st_size, crc_of(path)
        if standing not in ((member.size, member.crc), ours.get(member.path)):
            raise GensupError(
                "another file stands in the way",
                where=str(path),
                rule=f"the one in {archive.name} differs, and files of yours are not replaced",
                remedy="move it away, or name another --out",
            )


def _written(
    zipped: ZipFile, checked: Sequence[tuple[Member, ZipInfo]], hidden: Path, archive: Path
) -> Iterator[Member]:
    """Every file into the hidden folder; at the end all their bytes are on disk."""
    for member, info in checked:
        path = hidden / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipped.open(info) as source, path.open("xb") as target:
                shutil.copyfileobj(source, target, BLOCK)  # ends at the size that the directory says, or as damaged
                written = target.tell()
        except (
            BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise _bad(archive, "a damaged file in it", f"{member.path}: {error}") from None
        if written != member.size:
            raise _bad(archive, "a damaged file in it", f"{member.path}: {written} of {member.size} bytes")
        yield member
    for member, _ in checked:  # afterwards: by then the disk has written some of it by itself
        with (hidden / member.path).open("rb+") as target:
            os.fsync(target.fileno())


def _merge(source: Path, target: Path) -> None:
    """Move all that lies in a folder into another: whole folders where they are new, else file by file."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _merge(entry, place)
        else:
            entry.replace(place)
    sync_folder(target)


def _bad(archive: Path, what: str, value: object) -> GensupError:
    remedy = "do not trust it; fetch the archive again"
    return GensupError(what, where=str(archive), value=value, remedy=remedy)
