"""trials/ of a run: one score row a trial, on disk before the trial counts as done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.selection.records import Column, Trial
from gensup.store import SCHEMA, Journal, check_schema, read_json, write_bytes, write_json, write_manifest

Row: TypeAlias = tuple[Trial, NDArray[np.float64] | None]  # (columns,) scores; None: the trial failed or was pruned
NOT_FINITE = "its scores are not finite"
_AGAIN = "take the line out and run the same `gensup tune` again: it scores what is missing"


@dataclass(frozen=True, slots=True)
class Study:
    """The trials of one table of a run: ``columns.json``, ``scores/``, and the journal that says what is done.

    The journal is the truth while the run goes on: what stands in it is done, and nothing else is.
    """

    run: Path
    part: str = ""  # a sub-folder for a second table, of other columns

    @property
    def folder(self) -> Path:
        return self.run / "trials" / self.part

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def columns(self) -> Path:
        return self.folder / "columns.json"

    def scores(self, trial: str) -> Path:
        """Where a trial's score row lies, (columns,) float32."""
        return self.folder / "scores" / f"{trial}.npy"

    def begin(self, columns: Sequence[Column]) -> None:
        """Fix what the score rows' places mean.

        Raises:
            GensupError: the folder's rows are of other clips.
        """
        described = cast("Json", [asdict(column) for column in columns])
        if self.columns.is_file():
            if read_columns(self.columns) != described:
                raise GensupError("score rows of other clips", where=str(self.columns), remedy="name another --out")
            return
        write_json(self.columns, {"schema": SCHEMA, "checksum": digest(described), "columns": described})

    def add(self, trial: Trial, scores: NDArray[np.float64] | None) -> Row:
        """Keep a trial, see ``add_many``."""
        return self.add_many([(trial, scores)])[0]

    def add_many(self, rows: Iterable[Row]) -> list[Row]:
        """Keep trials: every score row whole on disk first, then all lines of the journal with a single fsync.

        A trial whose scores are not finite has failed. What comes back is what a continued run will read: scores in the
        precision in which they are kept.
        """
        kept: list[Row] = []
        lines: list[dict[str, Json]] = []
        for trial, scores in rows:
            row = _settled(trial, scores)
            kept.append(row)
            lines.append(self._line(*row))
        Journal(self.journal).append_many(lines)
        return kept

    def read(self) -> dict[str, Row]:
        """Trials that are done, by id; one whose score row is gone or damaged is not, and will be scored again.

        Raises:
            GensupError: a damaged line of the journal, by its number.
        """
        rows: dict[str, Row] = {}
        for where, line in self.lines():
            trial, checksum = parsed(line, where)
            if checksum is None:
                rows[trial.id] = trial, None
            elif (scores := read_scores(self.scores(trial.id), checksum)) is not None:
                rows[trial.id] = trial, scores
            else:
                rows.pop(trial.id, None)  # its last line counts
        return rows

    def lines(self) -> Iterator[tuple[str, dict[str, Json]]]:
        """Every line of the journal and where it stands, in the order written."""
        for number, line in enumerate(Journal(self.journal).read(), start=1):
            yield f"{self.journal}, line {number}", line

    def finish(self) -> None:
        """Put the journal in order of the trials' ids: the order in which workers ended is no result."""
        lines = {str(line["id"]): line for _, line in self.lines()}  # one that was made again stands twice
        write_manifest(self.journal, lines.values())

    def _line(self, trial: Trial, scores: NDArray[np.float64] | None) -> dict[str, Json]:
        content: dict[str, Json] = {"schema": SCHEMA, **cast("dict[str, Json]", asdict(trial)), "scores": None}
        if scores is not None:
            buffer = BytesIO()
            np.save(buffer, scores.astype(np.float32), allow_pickle=False)
            data = buffer.getvalue()
            write_bytes(self.scores(trial.id), data)
            content["scores"] = sha256(data).hexdigest()
        return content | {"checksum": digest(content)}


def parsed(line: Mapping[str, Json], where: str) -> tuple[Trial, str | None]:
    """A line of the journal: its trial, and the SHA-256 of its score row's file (None: there is none).

    Raises:
        GensupError: a line from a newer gensup, or one that is not what was written.
    """
    content = dict(line)
    check_schema(content.get("schema"), where)
    if content.pop("checksum", None) != digest(content):
        raise GensupError("a line that was altered", where=where, rule="its checksum stands in it", remedy=_AGAIN)
    checksum = content.pop("scores", None)
    content.pop("schema")
    try:
        return TypeAdapter(Trial).validate_python(content), cast("str | None", checksum)
    except ValidationError as error:
        first = error.errors()[0]
        value = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise GensupError("not a trial", where=where, value=value, remedy=_AGAIN) from None


def read_scores(path: Path, checksum: str) -> NDArray[np.float64] | None:
    """(columns,) a score row; None when its file is gone or its SHA-256 is another."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if sha256(data).hexdigest() != checksum:
        return None
    return cast("NDArray[np.float64]", np.load(BytesIO(data), allow_pickle=False).astype(np.float64))


def read_columns(path: Path) -> list[Json]:
    """What columns.json says.

    Raises:
        GensupError: missing, damaged, altered or newer.
    """
    content = read_json(path)
    remedy = "restore the file, or remove the folder trials/ and run the same `gensup tune` again"
    if not isinstance(content, dict) or not isinstance(content.get("columns"), list):
        raise GensupError("not the columns of score rows", where=str(path), remedy=remedy)
    check_schema(content.get("schema"), str(path))
    if content.get("checksum") != digest(content["columns"]):
        raise GensupError("altered", where=str(path), rule="its checksum stands in it", remedy=remedy)
    return cast("list[Json]", content["columns"])


def _settled(trial: Trial, scores: NDArray[np.float64] | None) -> Row:
    if scores is None:
        if trial.state == "complete":
            raise ValueError(f"trial {trial.id} is complete and has no scores")
        return trial, None
    with np.errstate(over="ignore"):  # beyond single precision is beyond finite
        kept = scores.astype(np.float32).astype(np.float64)
    if not np.isfinite(kept).all():
        return replace(trial, state="failed", reason=NOT_FINITE), None
    return trial, kept
