"""What a folder tree was taken for: which data set a machine's clips look like, and what each folder says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from gensup.clip import Clip
from gensup.metadata import folders
from gensup.metadata.names import parts, shown
from gensup.metadata.patterns import PATTERNED

EXPECTED = (
    "<machine>/train/section_00_source_train_normal_0000_<attributes>.wav",
    "<machine>/test/section_00_0000.wav",
    "<machine>/attributes_00.csv",
    "or, of 2020:  <machine>/train/normal_id_00_00000000.wav",
    "or, as MIMII: <machine>/id_00/normal/00000000.wav",
    "or your own:  --pattern '{machine}/{split}/{condition}_{index}.wav'",
)
SHOWN = 200  # folders that are printed
_COPIES = "test_rename"
_WORDS = {
    "train": "training clips",
    "training": "training clips",
    "test": "test clips",
    "testing": "test clips",
    "source_test": "test clips of the source domain",
    "target_test": "test clips of the target domain",
    _COPIES: "labelled copies of the test clips",
    "supplemental": "clean machine sound or noise alone",
    "environmentalnoise_cnt": "noise alone",
    "env_noise": "noise alone",
    "source": "no machine; names, or --pattern, say a clip's domain",
    "target": "no machine; names, or --pattern, say a clip's domain",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a tree."""

    path: str  # POSIX, relative to the root; "" is the root
    taken_for: str
    clips: int  # directly inside
    below: int  # inside and below
    strange: int  # of those directly inside: their names are in no known grammar


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of one year in a tree; ``name`` is None for clips that say none."""

    name: str | None
    looks_like: str
    clips: int
    splits: Mapping[str, int]  # "train", "test", "supplemental", "-": clips


@dataclass(frozen=True, slots=True)
class Layout:
    """What a tree was taken for."""

    root: Path
    machines: tuple[Machine, ...]
    folders: tuple[Folder, ...]
    fits: bool  # a name or a folder says something

    def summary(self) -> tuple[str, ...]:
        """A line a data set; where nothing fits, the tree that was expected beside the one that was found."""
        if not self.fits:
            return self.beside()
        kinds: dict[str, list[Machine]] = defaultdict(list)
        for machine in self.machines:
            kinds[machine.looks_like].append(machine)
        return tuple(
            f"taken for {kind}: {', '.join(shown(machine.name or 'a machine without a name') for machine in same)}"
            f" ({sum(machine.clips for machine in same)} clips)"
            for kind, same in kinds.items()
        )

    def tree(self) -> tuple[str, ...]:
        """The folders, indented, each with its clips and what it was taken for."""
        width = max(len(_indented(folder)) for folder in self.folders[:SHOWN])
        count = max(len(str(folder.below)) for folder in self.folders)
        lines = [
            f"{_indented(folder):<{width}}  {folder.below:>{count}}  {folder.taken_for}".rstrip()
            + (f" ({folder.strange} names not understood)" if folder.strange else "")
            for folder in self.folders[:SHOWN]
        ]
        more = len(self.folders) - SHOWN
        return (*lines, *([f"and {more} more folders"] if more > 0 else ()))

    def beside(self) -> tuple[str, ...]:
        """The expected tree beside the one that was found."""
        found = [_indented(folder) + f" {folder.clips or ''}".rstrip() for folder in self.folders[: len(EXPECTED) * 2]]
        if len(self.folders) > len(found):
            found.append(f"and {len(self.folders) - len(found)} more folders")
        width = max(len(line) for line in EXPECTED)
        rows = max(len(EXPECTED), len(found))
        left = (*EXPECTED, *[""] * (rows - len(EXPECTED)))
        right = (*found, *[""] * (rows - len(found)))
        return (
            "neither names nor folders are in a known layout",
            f"{'expected':<{width}}  | found, with clips in the folder itself",
            *(f"{a:<{width}}  | {b}".rstrip() for a, b in zip(left, right, strict=True)),
        )


def describe(root: Path, clips: Sequence[Clip]) -> Layout:
    """Say what the clips of a scanned tree were taken for."""
    inside: Counter[str] = Counter()
    strange: Counter[str] = Counter()
    example: dict[str, Clip] = {}
    by_machine: dict[tuple[str | None, int | None], list[Clip]] = defaultdict(list)
    for clip in clips:
        folder = clip.path.rpartition("/")[0]
        inside[folder] += 1
        strange[folder] += bool(clip.unparsed) or (clip.index is None and clip.spelling != PATTERNED)
        example.setdefault(folder, clip)
        by_machine[clip.machine, clip.year].append(clip)
    below: Counter[str] = Counter()
    machine_folders: set[str] = set()
    for folder, count in inside.items():
        above = ["", *accumulate(parts(folder) if folder else (), "{}/{}".format)]
        below.update(dict.fromkeys(above, count))
        machine = example[folder].machine
        own = [path for path in above[1:] if folders.named(path.rpartition("/")[2]) == machine]
        machine_folders.update(own[-1:])
    ordered = sorted(below, key=lambda path: path.split("/") if path else [])
    machines = tuple(
        Machine(name, _looks_like(same), len(same), Counter(clip.split or "-" for clip in same))
        for (name, _), same in sorted(by_machine.items(), key=lambda item: _place(*item[0]))
    )
    return Layout(
        root=root,
        machines=machines,
        folders=tuple(
            Folder(
                path=path,
                taken_for=_taken_for(path or root.resolve().name, path in machine_folders, not path),
                clips=inside[path],
                below=below[path],
                strange=strange[path],
            )
            for path in ordered
        ),
        fits=any(clip.index or clip.split or clip.condition or clip.section or clip.spelling for clip in clips),
    )


def _place(machine: str | None, year: int | None) -> tuple[bool, str, int]:
    """Machines by name and year, clips that say no machine at the end."""
    return machine is None, machine or "", year or 0


def _taken_for(path: str, is_machine: bool, is_root: bool) -> str:
    word = path.rpartition("/")[2]
    low = word.lower()
    if is_machine:
        return f"machine {shown(folders.named(word))}"
    if low in _WORDS:
        return _WORDS[low]
    if low in folders.CONDITIONS:
        return "normal clips" if folders.CONDITIONS[low] == "normal" else "anomalous clips"
    if (section := folders.section(word)) is not None:
        return f"section {section}"
    if (year := folders.read((), (word,)).year) is not None:
        return f"a data set of DCASE {year}"
    if not is_root and folders.is_holder(word):
        return "part of a download"
    return ""


def _looks_like(clips: Sequence[Clip]) -> str:
    """The data set whose names and folders one machine's clips have."""
    years = {clip.year for clip in clips}
    words = {word.lower() for clip in clips for word in parts(clip.path)[:-1]}
    kinds = Counter(_grammar(clip) for clip in clips)
    kind = max(kinds, key=lambda name: (kinds[name], name))
    if kind == "section":
        sections = {clip.section for clip in clips if clip.section is not None}
        if {"source_test", "target_test"} & words:
            kind = "DCASE 2021, or MIMII DUE"
        elif sections != {"00"}:
            kind = "DCASE 2022 (2021 where its test folders were merged), or MIMII DG"
        elif "supplemental" in words:
            kind = "DCASE 2025 or later (first shot, supplemental clips)"
        elif any((clip.spelling or "").endswith("_noAttribute") for clip in clips):
            kind = "DCASE 2024 or later (first shot, hidden attributes)"
        else:
            kind = "DCASE 2023 or later (first shot)"
        if len(years) == 1 and (year := years.pop()) is not None:
            kind = f"DCASE {year}"
    if _COPIES in words:
        kind += ", with labelled copies of the test clips"
    return kind


def _grammar(clip: Clip) -> str:
    name = clip.path.rpartition("/")[2]
    if clip.spelling == PATTERNED:
        return "the pattern"
    if clip.index is None:
        return "recordings with names of their own"
    if name.startswith("section_"):
        return "section"
    if clip.spelling == "{index}":
        return "MIMII"
    if clip.spelling is None:
        return "DCASE 2020"
    return "ToyADMOS" if "_case" in name else "ToyADMOS2"


def _indented(folder: Folder) -> str:
    split = folder.path.split("/") if folder.path else []
    return f"{'  ' * len(split)}{shown(split[-1]) if split else '.'}/"
