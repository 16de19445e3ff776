"""What folders say: split, condition, section, machine and year, in the layouts of DCASE 2020-2026, MIMII and ToyADMOS.

A word counts when a folder is called exactly that (upper or lower case); the innermost folder that says something wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gensup.clip import Condition, Split

SPLITS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "test_rename": "test",  # labelled copies made by the official baseline
    "source_test": "test",
    "target_test": "test",
    "supplemental": "supplemental",  # clean machine sound or noise alone
    "environmentalnoise_cnt": "supplemental",  # ToyADMOS
    "env_noise": "supplemental",  # ToyADMOS2
}
CONDITIONS: Mapping[str, Condition] = {
    "normal": "normal",
    "abnormal": "anomaly",
    "anomaly": "anomaly",
    "normalsound_ind": "normal",  # ToyADMOS: single runs (IND) and long recordings (CNT)
    "normalsound_cnt": "normal",
    "anomaloussound_ind": "anomaly",
    "anomaloussound_cnt": "anomaly",
}

_SECTION = re.compile(r"(?:id|section)_([0-9]+)")
_YEAR = re.compile(r"dcase[ _-]?(20[0-9]{2})(?![0-9])")
# Folders of a download or of a data set: what lies in them is not one machine.
_HOLDER = re.compile(
    r"(?:(?:dev|eval|add|additional|development|evaluation|training)(?:[_ -]?(?:data|set|dataset|train|test)){0,3}"
    r"|raw|data|datasets?|original|formatted|audio|wavs?|flac|clips|recordings|(?:zenodo[._ -]?)?[0-9]+"
    r"|.*dcase[ _-]?20[0-9]{2}.*|mimii(?:[ _-]?(?:due|dg))?|(?:min)?-?[0-9]+[_ ]?db(?:_.*)?|toyadmos2?|\.+|/)",
    re.DOTALL,
)
# A folder called as its archive was: dev_fan, eval_data_3DPrinter_train_r2, eval_data_test_ToyCar.
_ARCHIVE = re.compile(
    r"(?:dev|eval)(?:_(?:data|train|test)){0,2}_(.+?)(?:_(?:train|test|supplemental)){0,2}(?:_r[0-9]+)?", re.DOTALL
)
_ARCHIVE_OF_TOYADMOS2 = re.compile(r"toyad2_([^_]+)_.+", re.DOTALL)
_TOYADMOS2: Mapping[str, str] = {"car": "ToyCar", "train": "ToyTrain"}
_DOMAINS = ("source", "target")  # folders that name no machine


@dataclass(frozen=True, slots=True)
class Place:
    """What the folders above a clip say. ``marked``: a split or ``id_NN`` folder told where the machine's name is."""

    year: int | None
    machine: str | None
    marked: bool
    section: str | None
    split: Split | None
    condition: Condition | None


def read(folders: Sequence[str], under: Sequence[str] = ()) -> Place:
    """Read the folders of a clip, outermost first.

    Folders of ``under`` stand above the root and name no machine. The root's own name (the last of them) says all the
    rest, those above it section and year alone: a person's folder may well be called test.
    """
    low = [folder.lower() for folder in folders]
    above = [folder.lower() for folder in under]
    split: Split | None = None
    condition: Condition | None = None
    year: int | None = None
    for word in (*above[-1:], *low):
        split = SPLITS.get(word, split)
        condition = CONDITIONS.get(word, condition)
    for word in (*above, *low):
        if found := _YEAR.search(word):
            year = int(found[1])
    section = next((found[1] for word in reversed([*above, *low]) if (found := _SECTION.fullmatch(word))), None)
    machine, marked = _machine(folders, low)
    return Place(year, machine, marked, section, split, condition)


def _machine(folders: Sequence[str], low: Sequence[str]) -> tuple[str | None, bool]:
    """The folder above the innermost split or ``id_NN`` folder, and True; without one, the innermost, and False."""
    marks = [place for place, word in enumerate(low) if word in SPLITS or _SECTION.fullmatch(word)]
    for end, marked in ((marks[-1] if marks else 0, True), (len(low), False)):
        for place in reversed(range(end)):
            word = low[place]
            if word in SPLITS or word in CONDITIONS or word in _DOMAINS or _SECTION.fullmatch(word):
                continue
            if is_holder(word):
                break
            return named(folders[place]), marked
    return None, False


def is_holder(folder: str) -> bool:
    """Whether a folder holds a download or a data set, and so is no machine."""
    return _HOLDER.fullmatch(folder.lower()) is not None


def named(folder: str) -> str:
    """The machine that a folder's name says: the folder itself, or what its archive was called after."""
    if found := _ARCHIVE_OF_TOYADMOS2.fullmatch(folder):
        return _TOYADMOS2.get(found[1].lower(), found[1])
    found = _ARCHIVE.fullmatch(folder)
    return found[1] if found else folder


def section(folder: str) -> str | None:
    """The section of an ``id_NN`` or ``section_NN`` folder."""
    found = _SECTION.fullmatch(folder.lower())
    return found[1] if found else None
