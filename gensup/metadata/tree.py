"""Where clips come from: a folder tree, or a list of names."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata.names import EXTENSIONS, parse

MAX_RECORD = 1 << 26  # bytes read of a run.json to see whether it is ours


def scan(root: Path, *, exclude: Sequence[Path] = ()) -> tuple[Clip, ...]:
    """Every ``.wav`` and ``.flac`` below a folder, sorted by path.

    Left out: hidden files and folders, the folders in ``exclude``, and every folder that gensup wrote (known by its
    ``run.json`` or ``metadata.jsonl``). A folder is entered once, however many links lead to it.

    Raises:
        GensupError: no such folder, a folder of gensup's own, no clips, a folder that cannot be read, something that is
            no file under an audio name, or two files that differ in the extension alone.
    """
    if not root.is_dir():
        raise GensupError("no such folder", where=str(root), remedy="name a folder of .wav or .flac recordings")
    if is_ours(root):
        raise GensupError(
            "this folder was written by gensup",
            where=str(root),
            rule="generated clips are never taken for recordings",
            remedy="name the folder of the recordings or, to score its clips, the folder that they lie in",
        )
    under = root.resolve().parts[-2:]
    clips = sorted((parse(path, under=under) for path in _walk(root, exclude)), key=lambda clip: clip.path)
    if not clips:
        raise GensupError("no .wav or .flac clips", where=str(root), remedy="name the folder that holds the recordings")
    seen: dict[str, str] = {}
    for clip in clips:
        other = seen.setdefault(clip.path.rpartition(".")[0], clip.path)
        if other != clip.path:
            raise GensupError(
                "two clips of one path",
                where=str(root),
                value=f"{other} and {clip.path}",
                rule="a clip is known by its path without the extension",
                remedy="remove one of them",
            )
    return tuple(clips)


def read_names(file: Path) -> tuple[Clip, ...]:
    """The clips that a list names, in its order: one ``machine/dir/filename`` a line, ``#`` starts a comment line.

    Raises:
        GensupError: no such file, no names, or a line that is absolute, holds ``..`` or stands there twice.
    """
    if not file.is_file():
        raise GensupError("no such file", where=str(file), remedy="name a text file of machine/dir/filename lines")
    text = file.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    if "\0" in text:
        raise GensupError("not a text file", where=str(file), rule="one machine/dir/filename a line")
    lines: dict[str, int] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        where = f"{file}:{number}"
        if line.startswith("/") or ".." in PurePosixPath(line).parts:
            raise GensupError("a name that leads out of its folder", where=where, value=line, rule="names are relative")
        if line in lines:
            raise GensupError(
                "a name that stands there twice", where=where, value=line, rule=f"line {lines[line]} has it"
            )
        lines[line] = number
    if not lines:
        raise GensupError("no names", where=str(file), rule="one machine/dir/filename a line")
    return tuple(parse(line) for line in lines)


def is_ours(folder: Path) -> bool:
    """Whether gensup wrote a folder: ``run.json`` has the key ``gensup``, or ``metadata.jsonl`` has rows of twins."""
    row = _record(folder / "metadata.jsonl", whole=False)
    return "gensup" in _record(folder / "run.json", whole=True) or {"twin", "generator"} <= row.keys()


def _record(file: Path, *, whole: bool) -> dict[str, object]:
    """The JSON object of a file, or of its first line; {} where there is none."""
    try:
        if not file.is_file():
            return {}
        with file.open("rb") as stream:
            loaded = json.loads(stream.read(MAX_RECORD) if whole else stream.readline(MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _walk(root: Path, exclude: Sequence[Path]) -> Iterator[str]:
    """Relative POSIX paths of all audio files. Links are followed last, so that a real folder keeps its own path."""
    entered = {_identity(folder) for folder in exclude if folder.is_dir()}
    folders, links = [("", root)], list[tuple[str, Path]]()
    while folders or links:
        inside, folder = (folders or links).pop()
        if _identity(folder) in entered or (folder != root and is_ours(folder)):
            continue
        entered.add(_identity(folder))
        for entry in sorted(_entries(folder), key=lambda entry: entry.name, reverse=True):
            path = f"{inside}{entry.name}"
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append((f"{path}/", folder / entry.name))
            elif entry.name.lower().endswith(EXTENSIONS):
                _check_regular(folder / entry.name)
                yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself is no folder
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise GensupError("a folder that cannot be read", where=str(folder), value=error.strerror) from None


def _check_regular(file: Path) -> None:
    """Pipes and devices would be waited on for ever. A link to nothing is a clip: reading it names what is missing."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise GensupError("not a file", where=str(file), rule="an audio name belongs to a regular file")


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
