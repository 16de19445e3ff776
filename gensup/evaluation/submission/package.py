"""The package: task2/LABEL/ with score files and meta yaml, the report beside it, and all that in one zip."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

from gensup.errors import GensupError
from gensup.store import write_bytes
from gensup.store.files import read_bytes, refuse, sync_folder

TASK = "task2"
META = ".meta.yaml"
REPORT = ".technical_report.pdf"
SYSTEMS = 4  # a team may hand in
LARGEST = 1 << 28  # bytes of a package that is read
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,  # bzip2's; the bytes are in memory already
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)  # what zipfile lets through of a broken zip
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip knows


def write_system(out: Path, label: str, files: Mapping[str, bytes]) -> Path:
    """Put a system's files into ``out``/task2/LABEL, all or none; an earlier one of this label is replaced.

    Killed at any moment, it leaves the earlier system or the new one, at worst aside: ``restore`` puts it back.

    Raises:
        GensupError: a file there that no submission has, or a folder that cannot be written.
    """
    folder = out / TASK / label
    staged = folder.with_name(f".{label}.{os.getpid()}.new")
    old = folder.with_name(f".{label}.{os.getpid()}.old")
    if folder.is_dir():
        foreign = [p.name for p in sorted(folder.iterdir()) if not is_member(p.name) and not p.name.startswith(".")]
        if foreign:
            raise GensupError(
                "the folder holds other files",
                where=str(folder),
                value=", ".join(foreign[:3]),
                rule="a system's folder is replaced as a whole",
                remedy="move them away, or name another --out",
            )
    try:
        try:
            for name, data in files.items():
                write_bytes(staged / name, data)
            report = folder / f"{label}{REPORT}"
            if report.is_file() and report.name not in files:
                write_bytes(staged / report.name, read_bytes(report))
            if folder.exists():
                folder.rename(old)
            staged.rename(folder)
            sync_folder(folder.parent)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)
            for leftover in (staged, old):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        refuse(folder, error)
    return folder


def restore(out: Path, label: str) -> None:
    """Put back a system that ``write_system`` had set aside when it was killed, and take away what it left behind."""
    folder = out / TASK / label
    try:
        for old in sorted((out / TASK).glob(f".{label}.*.old")):
            if not folder.exists():
                old.rename(folder)
        for leftover in (out / TASK).glob(f".{label}.*"):
            if leftover.suffix in (".old", ".new"):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        refuse(folder, error)


def is_member(name: str) -> bool:
    """Whether a file of this name may stand in a system's folder."""
    return name.startswith(("anomaly_score_", "decision_result_")) or name.endswith((META, REPORT))


def write_package(out: Path, team: str) -> Path:
    """Zip ``out``/task2 as it stands; the same files make the same bytes."""
    tree = {path: data for path, data in read_tree(out).items() if path.startswith(f"{TASK}/")}
    if not tree:
        raise GensupError("nothing to pack", where=str(out), rule=f"the files stand in {TASK}/LABEL")
    target = out / f"{team}.zip"
    write_bytes(target, package(tree))
    return target


def package(tree: Mapping[str, bytes]) -> bytes:
    """The zip of files by their path: sorted, with one date and one mode for all."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(tree):
            member = zipfile.ZipInfo(path, EPOCH)
            member.create_system = 3  # Unix, wherever it is made
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, tree[path])
    return buffer.getvalue()


def read_tree(place: Path) -> dict[str, bytes]:
    """The files of a folder or of a zip by their path below it; hidden ones are passed over.

    Raises:
        GensupError: neither a folder nor a zip, a damaged or unsafe zip, or one too large to be a submission.
    """
    if place.is_dir():
        return _of_folder(place)
    if not place.is_file():
        raise GensupError("no such folder", where=str(place), remedy="name the folder that `gensup submit` wrote")
    return read_zip(read_bytes(place), str(place))


def read_zip(data: bytes, where: str) -> dict[str, bytes]:
    """The files of a zip's bytes, see ``read_tree``."""
    tree: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()), where)
            for member in archive.infolist():
                path = PurePosixPath(member.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                    raise GensupError("an unsafe member of the zip", where=where, value=member.filename)
                if member.is_dir() or _hidden(path):
                    continue
                if path.as_posix() in tree:
                    raise GensupError("a member twice in the zip", where=where, value=member.filename)
                tree[path.as_posix()] = archive.read(member)
    except DAMAGED as error:
        raise GensupError("not a zip that can be read", where=where, value=str(error)) from None
    return tree


def _of_folder(place: Path) -> dict[str, bytes]:
    files = [
        path
        for path in sorted(place.rglob("*"))
        if path.is_file() and not _hidden(PurePosixPath(path.relative_to(place).as_posix()))
    ]
    _check_size(sum(path.stat().st_size for path in files), str(place))
    return {path.relative_to(place).as_posix(): read_bytes(path) for path in files}


def _check_size(size: int, where: str) -> None:
    if size > LARGEST:
        raise GensupError("too large for a submission", where=where, value=f"{size} bytes", rule=f"at most {LARGEST}")


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
