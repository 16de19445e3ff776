"""verify: whether everything that carries a checksum or a record is as it was written. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, cast

from gensup.clip import Json
from gensup.detection.detector import load
from gensup.detection.means import Means
from gensup.detection.saved import DESCRIPTION
from gensup.errors import GensupError
from gensup.reporting.report import REPORT
from gensup.reporting.run_folder import read_run_folder
from gensup.steps.costs import TIMES, read_times
from gensup.steps.front import RECORD
from gensup.steps.front import read as read_front
from gensup.steps.optuna_journal import STUDY
from gensup.steps.progress import QUIET, Progress
from gensup.steps.seal import broken
from gensup.steps.study import Study, parsed, read_columns, read_scores
from gensup.steps.synthetic import CLIPS, files_without_row
from gensup.store import check_schema, read_json, read_manifest, sha256_file
from gensup.store.files import read_bytes
from gensup.store.journal import row_of
from gensup.store.run import RUN, read_run
from gensup.synthesis import codec
from gensup.synthesis.twinset import MANIFEST

T = TypeVar("T")
State: TypeAlias = Literal["altered", "unfinished"]
RESTORE = "restore it, or run the same command with another --out"
AGAIN = "run the same command again: it makes what is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was written, or not written yet."""

    state: State
    path: str  # the file, with the line or the id in it where there is one
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, and what was found."""

    folder: Path
    checked: Mapping[str, int]  # clips, score rows, ...: how many
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Nothing was altered; something may be unfinished."""
        return not any(finding.state == "altered" for finding in self.findings)


def verify(folder: Path, *, weights: Path | None = None, progress: Progress = QUIET) -> Verified:
    """Look at a run folder, a twin set (also the one inside a run), a detector, or a trained frontend.

    Args:
        weights: folder of pretrained checkpoints, for detectors that need some.

    Raises:
        GensupError: the folder is none of these.
    """
    folder = Path(folder)  # text is welcome, too
    look = _Look(progress, Means(weights=weights))
    if (folder / DESCRIPTION).is_file():
        look.detector(folder)
    elif (folder / RECORD).is_file():
        look.frontend(folder)
    elif (folder / RUN).is_file() or (folder / MANIFEST).is_file():
        look.run(folder)
    else:
        raise GensupError(
            "nothing to verify",
            where=str(folder),
            rule=f"a run or a twin set has a {RUN}, a detector a {DESCRIPTION}, a trained frontend a {RECORD}",
            remedy="check the path",
        )
    return Verified(folder=folder, checked=dict(look.checked), findings=tuple(look.findings.values()))


@dataclass(slots=True)
class _Look:
    """What has been found so far: the first finding about each place."""

    progress: Progress
    means: Means
    checked: dict[str, int] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    def run(self, folder: Path) -> None:
        record = self._try(read_run, folder) if (folder / RUN).is_file() else {}
        if record is None:  # what it was to hold is not known; what it holds is looked at all the same
            record = {"config": {"detectors": None} if (folder / "trials").is_dir() else {}}
        config = cast("dict[str, Json]", record.get("config") or {})
        if "synthetic" not in config:
            self.twins(folder)
        if "detectors" in config:
            finished = record.get("verdict") is not None
            if not finished:
                self._unfinished(folder / RUN, "no verdict yet", "run the same `gensup tune` again: it continues")
            self._studies(folder, finished)
            if (folder / "wanted").is_dir():
                self.run(folder / "wanted")
            if finished:
                self._finished(folder)
                self._sealed(folder, record)
        self._lines(folder / "log.jsonl")

    def twins(self, folder: Path) -> None:
        """A twin set: every row's file, and every file's row. One of wanted rungs may be finished and empty."""
        manifest = folder / MANIFEST
        if not manifest.is_file():
            self._unfinished(manifest, "the twin set is not finished", "run the same command again, every shard of it")
            for journal in sorted((folder / codec.JOURNAL).glob("*.jsonl")):
                self._files(folder, [row for _, row in self._lines(journal) if "refused" not in row])
            self._normals(folder)
            return
        rows = self._try(read_manifest, manifest)
        if rows is None:
            return
        for name, what in _inconsistent(rows):
            self._altered(f"{manifest}: {name}", what, "make the set again in another folder")
        self._files(folder, rows)
        named = {str(row.get("file_name")) for row in rows}
        for place in sorted({CLIPS, *(name.rpartition("/")[0] for name in named)} - {""}):
            self._strays(folder, place, named, "remove it: the set does not know it")
        self._normals(folder)

    def _normals(self, folder: Path) -> None:
        """A twin set's recordings after its codec, where it has such."""
        normals = folder / codec.FOLDER
        manifest = normals / codec.MANIFEST
        if manifest.is_file():
            rows = self._try(read_manifest, manifest)
            if rows is not None:
                self._files(normals, rows, "normals")
                named = {str(row.get("file_name")) for row in rows} | {codec.MANIFEST}
                self._strays(normals, "", named, "remove it: the set does not know it")
            return
        journals = sorted((folder / codec.JOURNAL / codec.FOLDER).glob("*.jsonl"))
        if journals or normals.is_dir():
            what = "the set's normals are not finished"
            self._unfinished(manifest, what, "run the same command again, every shard of it")
        for journal in journals:
            self._files(normals, [row for _, row in self._lines(journal) if "refused" not in row], "normals")

    def detector(self, folder: Path) -> None:
        """A detector: its description, and the SHA-256 of all that belongs to it."""
        self._count("detectors")
        self._try(lambda place: load(place, self.means), folder)

    def frontend(self, folder: Path) -> None:
        """A trained frontend: its record, and the SHA-256 of its arrays."""
        self._count("frontends")
        self._try(read_front, folder)

    def _files(self, folder: Path, rows: Sequence[Mapping[str, Json]], what: str = "clips") -> None:
        for row in self.progress.follow(iter(rows), len(rows), f"verifying {what}"):
            self._count(what)
            path = folder / str(row.get("file_name"))
            if not path.is_file():
                self._altered(path, "a clip is missing", AGAIN)
            elif self._try(sha256_file, path) not in (None, row.get("sha256")):
                self._altered(path, "a clip is not what its row says", AGAIN)

    def _strays(self, folder: Path, place: str, named: Collection[str], remedy: str) -> None:
        for path in files_without_row(folder / place, {folder / name for name in named}):
            self._altered(path, "a file without a row", remedy)

    def _studies(self, run: Path, finished: bool) -> None:
        """The run's tables of scores: its own and those of its parts."""
        parts = sorted(path.name for path in (run / "trials").glob("*/") if (path / "columns.json").is_file())
        for part in ("", *parts):
            study = Study(run, part)
            if not study.columns.is_file() and not study.journal.is_file():
                if finished:
                    self._altered(study.journal, "no trials", AGAIN)
                continue
            columns = self._try(read_columns, study.columns)
            if (study.folder / TIMES).is_file():
                self._try(read_times, study.folder / TIMES)
            trials = set()
            for where, line in self._lines(study.journal):
                if trial := self._scores(study, where, line, None if columns is None else len(columns)):
                    trials.add(trial)
            readable = not any(place.startswith(f"{study.journal}, line") for place in self.findings)
            if finished and readable:
                named = {f"scores/{trial}.npy" for trial in trials}
                self._strays(study.folder, "scores", named, "remove it: no trial in the journal knows it")
                if not part:
                    self._exported(run / "trials" / STUDY, trials)

    def _scores(self, study: Study, where: str, line: dict[str, Json], columns: int | None) -> str | None:
        """Look at one line of a study's journal and its score row; the id of its trial."""
        read = self._try(parsed, line, where)
        if read is None:
            return str(line["id"]) if "id" in line else None
        trial, checksum = read
        self._count("trials")
        if checksum is not None:
            path = study.scores(trial.id)
            scores = read_scores(path, checksum)
            if scores is None:
                what = "its SHA-256 is not what the journal says" if path.is_file() else "a score row is missing"
                self._altered(path, what, AGAIN)
            elif columns is not None and scores.shape != (columns,):
                self._altered(path, f"{scores.size} scores of {columns} columns", AGAIN)
        return trial.id

    def _exported(self, path: Path, trials: Collection[str]) -> None:
        """The Optuna journal: readable, and of the same trials."""
        if not path.is_file():
            self._altered(path, "the Optuna journal is missing", AGAIN)
            return
        said = [cast("dict[str, Json]", line.get("user_attrs") or {}).get("id") for _, line in self._lines(path)]
        if str(path) not in self.findings and set(said) - {None} != set(trials):
            self._altered(path, "its trials are not those of the journal", AGAIN)

    def _finished(self, run: Path) -> None:
        """What a run with a verdict has beside it."""
        self.detector(run / "detector")
        self._try(read_run_folder, run)
        if not (run / REPORT).is_file():
            self._altered(run / REPORT, "the report is missing", "`gensup report` writes it again")
        oracle = run / "evaluation" / "oracle.json"
        if oracle.is_file():
            content = self._try(read_json, oracle)
            if content is not None:
                schema = content.get("schema") if isinstance(content, dict) else None
                self._try(check_schema, schema, str(oracle))

    def _sealed(self, run: Path, record: Mapping[str, Json]) -> None:
        """Records whose edits contradict nothing; what has a finding of its own is not found twice."""
        if "files" in record and record["files"] is None:
            self._unfinished(run / RUN, "continued, and not sealed again", "run the same `gensup tune` again")
        for path, what in broken(run, record):
            if not any(found == str(path) or found.startswith((f"{path}:", f"{path},")) for found in self.findings):
                self._altered(path, what, RESTORE)

    def _lines(self, path: Path) -> Iterator[tuple[str, dict[str, Json]]]:
        """The whole lines of a journal that can be read, and where each stands; the others are found damaged."""
        data = (self._try(read_bytes, path) or b"") if path.is_file() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            self._unfinished(path, "its last line is half written", "run the same command again: it cuts it off")
        for number, text in enumerate(whole.splitlines(), start=1):
            where = f"{path}, line {number}"
            line = self._try(row_of, text, where)
            if line is not None:
                yield where, line

    def _try(self, look: Callable[..., T], *words: object) -> T | None:
        """What ``look(*words)`` returns, or None and a finding."""
        try:
            return look(*words)
        except GensupError as error:
            received = "" if error.value is None else f" (got {error.value})"
            what = "; ".join(part for part in (error.what + received, error.rule) if part)
            self._altered(error.where, what, error.remedy or AGAIN)
            return None

    def _altered(self, path: Path | str, what: str, remedy: str) -> None:
        self._found("altered", path, what, remedy)

    def _unfinished(self, path: Path | str, what: str, remedy: str) -> None:
        self._found("unfinished", path, what, remedy)

    def _found(self, state: State, path: Path | str, what: str, remedy: str) -> None:
        self.findings.setdefault(str(path), Finding(state=state, path=str(path), what=what, remedy=remedy))

    def _count(self, what: str) -> None:
        self.checked[what] = self.checked.get(what, 0) + 1


def _inconsistent(rows: Sequence[Mapping[str, Json]]) -> Iterator[tuple[str, str]]:
    """Ids of rows that contradict themselves or other rows, and how: what an edited row gives itself away by."""
    twins = {str(row["id"]): row for row in rows if row.get("condition") == "normal" and row.get("nuisance") is None}
    asked: dict[tuple[str, ...], str] = {}
    families: dict[str, tuple[Json, Json]] = {}
    for row in rows:
        name, condition, twin = str(row["id"]), row.get("condition"), twins.get(str(row.get("twin")))
        severity, family = row.get("severity"), row.get("family")
        if condition not in ("normal", "anomaly"):
            yield name, "its condition is neither normal nor anomaly"
        elif isinstance(severity, bool) or not isinstance(severity, int | float):
            yield name, "its severity is no number"
        elif (condition == "normal") != (severity == 0) or (condition == "normal") != (family is None):
            yield name, "its condition, severity and family contradict each other"
        elif twin is None or (condition == "normal" and row.get("nuisance") is None and row.get("twin") != name):
            yield name, "its normal twin is not in the set"
        elif (row.get("sources"), row.get("chain")) != (twin.get("sources"), twin.get("chain")):
            yield name, "its sources or its chain are not its twin's"
        elif condition == "anomaly":
            kind = row.get("mechanism"), row.get("status")
            if families.setdefault(str(family), kind) != kind:
                yield name, "its mechanism or its status is not its family's"
            question = str(row["twin"]), str(family), str(severity)
            if asked.setdefault(question, name) != name:
                yield name, f"the same twin, family and severity as {asked[question]}"
