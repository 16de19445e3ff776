"""The test clips that a year's files list, in the official order, found under any root by names and folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.evaluation.submission.rules import Rules, Table
from gensup.metadata import scan
from gensup.metadata.folders import SPLITS
from gensup.metadata.names import stem
from gensup.store import sha256_file

RENAMED = "test_rename"  # labelled copies that the official baseline makes of an evaluation set


@dataclass(frozen=True, slots=True)
class TestClip:
    """A test clip: the name that its row has, and where it lies."""

    __test__ = False  # pytest would take it for a test

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Listing:
    """The test clips of every file, by name."""

    tables: Mapping[Table, tuple[TestClip, ...]]
    labelled: tuple[str, ...]  # machines whose test clips say their condition: no blind evaluation set

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(sorted({table.machine for table in self.tables}))

    @property
    def due(self) -> tuple[str, ...]:
        """Machines that a submission must be of: where some are blind, a development set beside them is not."""
        return tuple(machine for machine in self.machines if machine not in self.labelled) or self.machines


def listing(root: Path, rules: Rules, *, machine: str | None = None) -> Listing:
    """The test clips under ``root``.

    A machine's blind clips are its test set, if it has any: labelled ones beside them are a development set or renamed
    copies. Rows stand in the order of the names, which is that of the official lists of all years.

    Args:
        machine: of clips whose folders name none.

    Raises:
        GensupError: no test clips, a clip of no machine, a name of another year, or two clips of one name.
    """
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in scan(root):
        if not _tested(clip, root):
            continue
        owner = clip.machine or machine
        if owner is None:
            raise GensupError(
                "a test clip of no machine",
                where=str(root / clip.path),
                rule="a test set lies in MACHINE/test",
                remedy="name the folder above it",
            )
        found[owner].append(clip)
    if not found:
        raise GensupError(
            "no test clips here",
            where=str(root),
            rule="clips below test/, source_test/ or target_test/, or whose names say test",
            remedy="name the folder of the evaluation data with --tests",
        )
    tables: dict[Table, tuple[TestClip, ...]] = {}
    labelled = []
    for owner, clips in sorted(found.items()):
        blind = [clip for clip in clips if clip.condition is None]
        own = blind or [clip for clip in clips if not _renamed(clip)] or clips
        labelled += [] if blind else [owner]
        tables |= _tables(root, owner, own, rules)
    return Listing(tables, tuple(labelled))


def _tables(root: Path, machine: str, clips: Collection[Clip], rules: Rules) -> dict[Table, tuple[TestClip, ...]]:
    if "_" in machine:
        raise GensupError(
            "a machine type that no evaluator reads",
            where=str(root),
            value=machine,
            rule="file names are cut at every underscore",
            remedy="rename the folder",
        )
    grouped: dict[Table, dict[str, Path]] = defaultdict(dict)
    for clip in clips:
        path = root / clip.path
        said = rules.read_clip(stem(clip.path))
        if said is None:
            raise GensupError(
                "not a test clip's name of this year",
                where=str(path),
                rule=f"--year {rules.year}",
                remedy="check --year, or name the folder of that year's evaluation data",
            )
        section, domain = said
        names = grouped[Table(machine, section, domain)]  # type: ignore[arg-type]
        name = f"{stem(clip.path)}.wav"
        other = names.setdefault(name, path)
        if other != path and sha256_file(other) != sha256_file(path):
            raise GensupError(
                "two test clips of one name",
                where=str(path),
                value=str(other),
                rule="a file lists each name once",
                remedy="name one evaluation set with --tests",
            )
    return {table: tuple(TestClip(name, names[name]) for name in sorted(names)) for table, names in grouped.items()}


def _tested(clip: Clip, root: Path) -> bool:
    """Whether a clip is of a test set: its name says so, or its folders do where the name says no split."""
    if clip.split is not None:
        return clip.split == "test"
    above = (root.resolve().name, *PurePosixPath(clip.path).parts[:-1])
    return any(SPLITS.get(word.lower()) == "test" for word in above)


def _renamed(clip: Clip) -> bool:
    return RENAMED in PurePosixPath(clip.path).parts[:-1]
