"""Whether a submission is what the evaluators expect: they pair rows by position, and notice next to nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gensup.clip import Domain
from gensup.errors import GensupError
from gensup.evaluation.submission.listing import Listing
from gensup.evaluation.submission.meta import LABEL
from gensup.evaluation.submission.meta_check import check_meta
from gensup.evaluation.submission.package import META, REPORT, SYSTEMS, TASK, read_zip
from gensup.evaluation.submission.problem import Problem
from gensup.evaluation.submission.rows import BY_POSITION, Row, missing, read_rows
from gensup.evaluation.submission.rules import KINDS, YEARS, Kind, Rules, Table, guessed

DOMAINS: tuple[Domain, ...] = ("source", "target")
EVERY = "a team without a file of every machine and section is passed over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, and what is wrong with it."""

    years: tuple[int, ...]  # whose rules; several where the file names fit several alike
    systems: tuple[str, ...]  # labels, or names of folders
    files: int
    rows: int
    problems: tuple[Problem, ...]
    unchecked: tuple[str, ...]  # what nothing here could be compared with


def check(tree: Mapping[str, bytes], name: str, rules: Rules | None = None, tests: Listing | None = None) -> Checked:
    """Look at a package, at a system's folder, or at a folder of score files.

    Args:
        tree: its files by path.
        name: of the folder; what a system is called whose files stand in it directly.
        rules: of the year that is meant; None: the file names say it.
        tests: what the files are compared with.

    Raises:
        GensupError: no score files at all.
    """
    folders = _systems(tree)
    own = rules or guessed(PurePosixPath(path).name for paths in folders.values() for path in paths)
    look = _Look(tree, own, tests, exact=rules is not None)
    labels = {folder: PurePosixPath(folder).name if folder != "." else name for folder in folders}
    for folder, paths in sorted(folders.items()):
        look.system(folder, labels[folder], paths)
    packed = any(PurePosixPath(folder).parts[:1] == (TASK,) for folder in folders)
    if packed:
        look.package(folders)
    if tests is None:
        look.unchecked.append("names and counts against the test clips: name their folder with --tests")
    return Checked(
        years=(own.year,) if rules else tuple(year for year, other in YEARS.items() if other.names == own.names),
        systems=tuple(labels[folder] for folder in sorted(folders)),
        files=look.files,
        rows=look.rows,
        problems=tuple(sorted(set(look.problems))),
        unchecked=tuple(look.unchecked),
    )


def _systems(tree: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Folders with score files or a meta yaml, and the paths of all that stands in each."""
    own = {
        str(PurePosixPath(path).parent)
        for path in tree
        if (name := PurePosixPath(path).name).endswith(META) or (name.startswith(KINDS) and name.endswith(".csv"))
    }
    if not own:
        raise GensupError(
            "no score files here", rule="anomaly_score_*.csv", remedy="name the folder that `gensup submit` wrote"
        )
    return {folder: sorted(path for path in tree if str(PurePosixPath(path).parent) == folder) for folder in own}


class _Look:
    """What has been found so far."""

    def __init__(self, tree: Mapping[str, bytes], rules: Rules, tests: Listing | None, *, exact: bool) -> None:
        self.tree, self.rules, self.tests, self.exact = tree, rules, tests, exact
        self.problems: list[Problem] = []
        self.unchecked: list[str] = []
        self.files = self.rows = 0

    def wrong(self, path: str, what: str, rule: str, line: int = 0) -> None:
        self.problems.append(Problem(path, line, what, rule))

    def system(self, folder: str, label: str, paths: Sequence[str]) -> None:
        """One system: its files, each by itself and beside the others."""
        read: dict[Table, dict[Kind, tuple[str, list[Row]]]] = defaultdict(dict)
        for path in paths:
            name = PurePosixPath(path).name
            said = self.rules.read_file(name)
            if said is not None and said[0] in self.rules.kinds:
                kind, table = said
                rows, found = read_rows(self.tree[path], path, kind)
                self.problems += found
                self.files, self.rows = self.files + 1, self.rows + len(rows)
                self.clips(path, table, rows)
                read[table][kind] = path, rows
            elif not name.endswith((META, REPORT)) and not (folder == "." and name.endswith(".zip")):
                self.wrong(path, "not a file of a submission", self.rules.said())
        self.tables(folder, read)
        for files in read.values():
            self.pair(files)
        self.meta(folder, label, paths)

    def clips(self, path: str, table: Table, rows: Sequence[Row]) -> None:
        """Whether the rows are the clips that the file's name speaks of."""
        right = []
        for row in rows:
            stem = row.name.removesuffix(".wav")
            said = self.rules.read_clip(stem)
            if "/" in row.name or "\\" in row.name:
                self.wrong(path, f"a folder in a name: {row.name!r}", "the file's name alone", row.line)
            elif stem == row.name or said is None:
                self.wrong(path, f"no test clip's name: {row.name!r}", f"as {self.rules.year} names them", row.line)
            elif said != (table.section, table.domain):
                self.wrong(path, f"a clip of another file: {row.name!r}", f"this one is of {table}", row.line)
            else:
                right.append(row)
        if self.tests is None:
            self.gaps(path, right)
        elif table in self.tests.tables:
            expected = [clip.name for clip in self.tests.tables[table]]
            for row in right:
                if row.name not in set(expected):
                    self.wrong(path, f"no such test clip: {row.name!r}", "rows are the clips of the test", row.line)
            self.lacking(path, missing(expected, rows), f"the test has {len(expected)}; {BY_POSITION}")

    def gaps(self, path: str, rows: Iterable[Row]) -> None:
        """Clips that must be missing: every official test set numbers its clips without a gap."""
        numbers = {row.name.removesuffix(".wav"): row for row in rows}
        blind = sorted(int(stem.rpartition("_")[2]) for stem in numbers if stem.rpartition("_")[2].isdecimal())
        if len(blind) != len(numbers) or not blind:
            return  # labelled names: attributes stand after the number, and each label counts for itself
        between = sorted(set(range(blind[0], blind[-1] + 1)) - set(blind))
        width = len(next(iter(numbers)).rpartition("_")[2])
        self.lacking(path, [f"{n:0{width}d}" for n in between], f"numbered without a gap; {BY_POSITION}")

    def lacking(self, path: str, names: Sequence[str], rule: str) -> None:
        if names:
            more = ", ..." if len(names) > 3 else ""
            self.wrong(path, f"{len(names)} clips without a row: {', '.join(names[:3])}{more}", rule)

    def tables(self, folder: str, read: Mapping[Table, Mapping[Kind, object]]) -> None:
        """Whether every machine and section has its files."""
        machines = {table.machine for table in read}
        expected = set(read)
        if self.tests is not None:
            expected = {table for table in self.tests.tables if table.machine in {*self.tests.due, *machines}}
            known = ", ".join(self.tests.machines)
            for table in sorted(set(read) - expected):
                for kind in read[table]:
                    path = str(PurePosixPath(folder) / self.rules.file(kind, table))
                    self.wrong(path, f"no test clips of {table}", f"the test has {known}")
        elif self.rules.names == "domain":
            expected |= {Table(t.machine, t.section, domain) for t in read for domain in DOMAINS}
        for table in sorted(expected):
            for kind in self.rules.kinds:
                if kind not in read.get(table, {}):
                    path = str(PurePosixPath(folder) / self.rules.file(kind, table))
                    self.wrong(path, "missing", EVERY)

    def pair(self, table: Mapping[Kind, tuple[str, list[Row]]]) -> None:
        """Whether scores and decisions are of the same clips."""
        if len(table) < 2:
            return
        (_, scores), (path, decisions) = (table[kind] for kind in KINDS)
        scored, decided = ({row.name for row in rows} for rows in (scores, decisions))
        other = PurePosixPath(table["anomaly_score"][0]).name
        for names, what in ((scored - decided, "scored and not decided"), (decided - scored, "decided and not scored")):
            if names:
                shown = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
                self.wrong(path, f"{len(names)} clips {what}: {shown}", f"the same clips as {other}")

    def meta(self, folder: str, label: str, paths: Sequence[str]) -> None:
        """The meta yaml, which a folder of score files alone need not have."""
        packed = PurePosixPath(folder).parts[:1] == (TASK,)
        found = [path for path in paths if path.endswith(META)]
        name = str(PurePosixPath(folder) / f"{label}{META}")
        if not found:
            if packed:
                self.wrong(name, "missing", "one meta yaml a system")
            else:
                self.unchecked.append(f"the meta yaml of {label}: there is none")
        if packed and not LABEL.fullmatch(label):
            self.wrong(folder, f"no label: {label!r}", "LASTNAME_INSTITUTE_task2_N, N from 1 to 4")
        for path in found:
            if packed and path != name:
                self.wrong(path, "another name", f"{label}{META}")
            # A folder of one's own choosing need not be called after its label.
            wanted = label if packed else PurePosixPath(path).name.removesuffix(META)
            self.problems += check_meta(self.tree[path], path, wanted, self.rules, exact=self.exact)

    def package(self, folders: Mapping[str, Sequence[str]]) -> None:
        """What stands around the systems: the report, the zip, and nothing else."""
        inside = {path for paths in folders.values() for path in paths}
        reports = [path for path in self.tree if path.startswith(f"{TASK}/") and path.endswith(REPORT)]
        zips = [path for path in self.tree if path.endswith(".zip") and "/" not in path]
        if not reports:
            team = next(iter(sorted(folders))).rpartition("_task2_")[0] or f"{TASK}/TEAM"
            self.wrong(f"{team}_task2{REPORT}", "missing", "a package holds the technical report")
        for path in reports:
            if not self.tree[path].startswith(b"%PDF-"):
                self.wrong(path, "not a PDF", "the technical report is a pdf file")
        own = [folder for folder in folders if PurePosixPath(folder).parts[:1] == (TASK,)]
        if len(own) > SYSTEMS:
            self.wrong(TASK, f"{len(own)} systems", f"at most {SYSTEMS}")
        for path in sorted(set(self.tree) - inside - set(reports) - set(zips)):
            self.wrong(path, "not a file of a submission", f"{TASK}/LABEL/..., {TASK}/TEAM_task2{REPORT}")
        held = {path: data for path, data in self.tree.items() if path.startswith(f"{TASK}/")}
        for path in zips:
            self.zipped(path, held)

    def zipped(self, path: str, held: Mapping[str, bytes]) -> None:
        """Whether a zip holds just what the folder holds."""
        try:
            packed = read_zip(self.tree[path], path)
        except GensupError as error:
            self.wrong(path, error.what, str(error.value or "a zip of the folder"))
            return
        other = sorted(p for p in held.keys() | packed.keys() if held.get(p) != packed.get(p))
        if other:
            shown = ", ".join(other[:3]) + (", ..." if len(other) > 3 else "")
            self.wrong(path, f"not what the folder holds: {shown}", "run `gensup submit pack` on the folder")
