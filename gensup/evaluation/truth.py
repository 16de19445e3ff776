"""The ground truth of an evaluation set: which clips are anomalous, of which domain, and what they were called later.

2020 has one list of all machines. From 2021 on ``ground_truth_data/`` holds a file a section (2021: a section and
domain), from 2022 on ``ground_truth_domain/`` says the domain, and ``ground_truth_attributes/`` may say the labelled
name of each clip. Machines and sections are whatever these files name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.evaluation.conventions import Conventions
from gensup.evaluation.tables import Line, Table, flag, read_table
from gensup.metadata import names

DATA, DOMAIN, ATTRIBUTES, LIST = (
    "ground_truth_data",
    "ground_truth_domain",
    "ground_truth_attributes",
    "eval_data_list.csv",
)
_FILE = re.compile(r"ground_truth_(.+)_section_([0-9]+)(?:_(source|target))?_test\.csv")
_ID = re.compile(r"id_([0-9]+)_")

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """The clips that one score file lists."""

    machine: str
    section: str  # an id in 2020
    domain: str | None  # of the file (2021)
    clips: tuple[str, ...]  # stems, as the ground truth lists them
    official: tuple[str, ...]  # the same in the order that the evaluator pairs by
    anomaly: Flags  # over clips
    target: Flags | None  # over clips; whether of the target domain
    labelled: Mapping[str, str | None]  # labelled stem -> clip; None: of several
    mapped: Mapping[str, str]  # labelled file name as the evaluator itself knows it -> blind file name

    @property
    def place(self) -> str:
        """What a person calls it."""
        return f"{self.machine} {self.section}" + (f" {self.domain}" if self.domain else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """All sheets, machine by machine and section by section in the evaluator's order."""

    folder: Path
    sheets: tuple[Sheet, ...]

    @property
    def machines(self) -> tuple[str, ...]:
        """In the evaluator's order."""
        return tuple(dict.fromkeys(sheet.machine for sheet in self.sheets))


def read_truth(folder: Path, conventions: Conventions) -> Truth:
    """Read a year's ground truth.

    Raises:
        GensupError: files are missing or of another year's form, or a row is wrong: with file and line.
    """
    sheets = _of_sections(folder, conventions) if conventions.domains else _of_list(_list(folder))
    return Truth(folder=folder, sheets=sheets)


def _list(folder: Path) -> Path:
    """The list of 2020; the official baseline has the year in the name of its copy."""
    others = [folder / LIST] if (folder / LIST).is_file() else sorted(folder.glob("eval_data_list_*2020*.csv"))
    return others[0] if len(others) == 1 else folder / LIST


def _of_list(path: Path) -> tuple[Sheet, ...]:
    """2020: a line with a machine, then a line for each of its clips: blind name, labelled name, 0|1."""
    if not path.is_file():
        raise GensupError("no ground truth", where=str(path), rule=f"in 2020 --truth holds {LIST}")
    machine = None
    members: dict[tuple[str, str], list[Line]] = {}
    for line in read_table(path, (1, 3)).lines:
        if len(line.cells) == 1:
            machine = line.cells[0].strip()
        elif machine is None:
            raise line.refused("a clip of no machine", "a line with the machine's name comes first")
        else:
            found = _ID.search(line.stem)
            if found is None:
                raise line.refused("a clip of no id", "named id_NN_...")
            members.setdefault((machine, found[1]), []).append(line)
    machines = list(dict.fromkeys(name for name, _ in members))
    order = sorted(members, key=lambda key: (machines.index(key[0]), key[1]))
    return tuple(_sheet(*key, None, members[key], 2, None, _labelled(members[key], (1,)), {}, False) for key in order)


def _of_sections(folder: Path, conventions: Conventions) -> tuple[Sheet, ...]:
    found: dict[tuple[str, str, str | None], Path] = {}
    for path in sorted((folder / DATA).iterdir()) if (folder / DATA).is_dir() else ():
        if name := _FILE.fullmatch(path.name):
            machine, section, domain = name.groups()
            if (domain is not None) != conventions.files_by_domain:
                rule = "one file for each domain" if conventions.files_by_domain else "one file for both domains"
                raise GensupError(
                    f"not the ground truth of {conventions.year}",
                    where=str(path),
                    rule=f"a section of {conventions.year} has {rule}",
                    remedy="check --year",
                )
            found[machine, section, domain] = path
    if not found:
        domain = "_<source|target>" if conventions.files_by_domain else ""
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) if folder.is_dir() else "no such folder"
        raise GensupError(
            "no ground truth",
            where=str(folder),
            value=there or "an empty folder",
            rule=f"--truth holds {DATA}/ground_truth_<machine>_section_<NN>{domain}_test.csv",
        )
    if conventions.files_by_domain:
        for machine, section, _ in found:
            for side in ("source", "target"):
                if (machine, section, side) not in found:
                    raise GensupError(
                        f"no ground truth of the {side} domain",
                        where=str(folder / DATA),
                        value=f"{machine} section {section}",
                        rule="both domains of every section",
                    )
    return tuple(_read_sheet(folder, conventions, *key, found[key]) for key in sorted(found, key=_order))


def _order(key: tuple[str, str, str | None]) -> tuple[str, str, str]:
    machine, section, domain = key
    return machine, section, domain or ""


def _read_sheet(
    folder: Path, conventions: Conventions, machine: str, section: str, domain: str | None, path: Path
) -> Sheet:
    table = read_table(path, (2,))
    labelled, mapped = _attributes(folder / ATTRIBUTES, machine, section)
    if not conventions.maps_labelled_names:
        mapped = {}
    if conventions.files_by_domain:
        target: Mapping[str, bool] | bool = domain == "target"
    else:
        target = _domains(folder / DOMAIN / path.name, table)
    return _sheet(machine, section, domain, table.lines, 1, target, labelled, mapped, conventions.truth_sorted)


def _sheet(
    machine: str,
    section: str,
    domain: str | None,
    lines: Sequence[Line],
    cell: int,
    target: Mapping[str, bool] | bool | None,
    labelled: Mapping[str, str | None],
    mapped: Mapping[str, str],
    truth_sorted: bool,
) -> Sheet:
    anomaly: dict[str, bool] = {}
    for line in lines:
        if line.stem in anomaly:
            raise line.refused("a clip twice", "the ground truth names each clip once")
        anomaly[line.stem] = flag(line, "the label", cell)
    clips = tuple(anomaly)
    order = [line.stem for line in (sorted(lines, key=lambda line: line.cells) if truth_sorted else lines)]
    return Sheet(
        machine=machine,
        section=section,
        domain=domain,
        clips=clips,
        official=tuple(order),
        anomaly=np.array(list(anomaly.values()), dtype=bool),
        target=None
        if target is None
        else np.array([target if isinstance(target, bool) else target[clip] for clip in clips], dtype=bool),
        labelled={stem: clip for stem, clip in labelled.items() if stem not in anomaly},
        mapped=mapped,
    )


def _domains(path: Path, data: Table) -> dict[str, bool]:
    """Clip -> whether it is of the target domain, for the very clips that have a label."""
    if not path.is_file():
        raise GensupError("no domains", where=str(path), rule=f"every file of {DATA} has one of this name in {DOMAIN}")
    domains: dict[str, bool] = {}
    labels = {line.stem for line in data.lines}
    for line in read_table(path, (2,)).lines:
        if line.stem in domains:
            raise line.refused("a clip twice", "the ground truth names each clip once")
        if line.stem not in labels:
            raise line.refused("a clip without a label", f"its label stands in {data.path}")
        domains[line.stem] = flag(line, "the domain")
    for line in data.lines:
        if line.stem not in domains:
            raise line.refused("a clip without a domain", f"its domain stands in {path}")
    return domains


def _attributes(folder: Path, machine: str, section: str) -> tuple[Mapping[str, str | None], Mapping[str, str]]:
    """Labelled stem -> clip from a table, and what the evaluators of 2023 on make of its second column.

    2023 on: no header, ``blind,labelled[,labelled with attributes]``. 2022: ``<machine>/attributes_<NN>.csv`` with a
    header; the last cell is the labelled name.
    """
    plain = folder / f"ground_truth_{machine}_section_{section}_test.csv"
    if plain.is_file():
        lines = read_table(plain, range(2, 99)).lines
        mapped = {f"{line.cells[1]}.wav": line.cells[0] for line in lines}
        return _labelled(lines, (1, 2)), mapped
    headed = folder / machine / f"attributes_{section}.csv"
    if headed.is_file():
        lines = read_table(headed, range(1, 99)).lines
        if lines and lines[0].cells[0] == "file_name" and lines[0].cells[-1].startswith("file_name_with_"):
            return _labelled([line for line in lines[1:] if len(line.cells) > 1], (-1,)), {}
    return {}, {}


def _labelled(lines: Sequence[Line], cells: Sequence[int]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line in lines:
        for cell in cells:
            if cell < len(line.cells) and (stem := names.stem(line.cells[cell].strip())):
                found[stem] = line.stem if found.get(stem, line.stem) == line.stem else None
    return found
