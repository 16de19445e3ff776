"""Where clips come from: a folder tree, or a list of names."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata.names import EXTENSIONS, parse
from gensup.metadata.patterns import Pattern

MAX_RECORD = 1 << 26  # bytes read of a run.json to see whether it is ours


def scan(
    root: Path,
    *,
    exclude: Sequence[Path] = (),
    pattern: Pattern | None = None,
    misfits: list[tuple[str, str]] | None = None,
) -> tuple[Clip, ...]:
    """Every ``.wav`` and ``.flac`` below a folder, sorted by path.

    Left out: hidden files and folders, the folders in ``exclude``, and every folder that gensup wrote (known by its
    ``run.json`` or ``metadata.jsonl``). A folder is entered once, however many links lead to it.

    Args:
        pattern: how the paths are to be read, instead of the known grammars. Paths that do not fit are left out.
        misfits: is given their paths, each with the reason.

    Raises:
        GensupError: no such folder, a folder of gensup's own, no clips (or none that fits the pattern), a folder that
            cannot be read, something that is no file under an audio name, or two files that differ in the extension
            alone.
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
    others: Counter[str] = Counter()
    paths = sorted(_walk(root, exclude, _is_audio, others))
    if not paths:
        there = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(3))
        unpack = "unpack the archives" if ".zip" in others else "name the folder that holds the recordings"
        raise GensupError("no .wav or .flac clips", where=str(root), value=there or None, remedy=unpack)
    if pattern is None:
        clips = [parse(path, under=under) for path in paths]
    else:
        clips = _fitting(root, paths, pattern, [] if misfits is None else misfits)
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


def find(root: Path, wanted: Callable[[str], bool], *, exclude: Sequence[Path] = ()) -> tuple[str, ...]:
    """Relative POSIX paths of the ``wanted`` files below ``root``, sorted; no folder that ``scan`` leaves out."""
    return tuple(sorted(_walk(root, exclude, wanted)))


def _fitting(root: Path, paths: Sequence[str], pattern: Pattern, misfits: list[tuple[str, str]]) -> list[Clip]:
    clips: list[Clip] = []
    for path in paths:
        read = pattern.read(path)
        if isinstance(read, Clip):
            clips.append(read)
        else:
            misfits.append((path, read))
    if not clips:
        path, why = misfits[0]
        raise GensupError(
            "no clip fits the pattern",
            where=str(root),
            value=pattern.text,
            rule=f"e.g. {path}: {why}",
            remedy="mend --pattern",
        )
    return clips


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


def _is_audio(path: str) -> bool:
    return path.lower().endswith(EXTENSIONS)


def _walk(
    root: Path, exclude: Sequence[Path], wanted: Callable[[str], bool], others: Counter[str] | None = None
) -> Iterator[str]:
    """Relative POSIX paths of all wanted files. Links are followed last, so that a real folder keeps its own path.

    ``others`` counts the suffixes of all other files.
    """
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
            elif wanted(path):
                _check_regular(folder / entry.name)
                yield path
            elif others is not None:
                others[PurePosixPath(entry.name).suffix.lower() or "without suffix"] += 1


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
        raise GensupError("not a file", where=str(file), rule="its name belongs to a regular file")


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
