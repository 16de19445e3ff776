"""Features that were made elsewhere: a table of the user's, looked up by the sound itself."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio, AudioRef, fingerprint, inspect
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.parts import STATE, Arrays, Tokens
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.store.files import sha256_file, unreadable

SHA256 = 64  # hexadecimal digits
NAMED = 5  # clips that are missing, in an error


@dataclass(frozen=True, slots=True)
class Precomputed:
    """A table of clips: .npz, .safetensors or .csv.

    Rows are called by the SHA-256 of the decoded sound (``audio.files.fingerprint``), or by file name when ``clips`` is
    the folder below which these files lie. An .npz or .safetensors holds one array a clip, (dim,), (time, dim) or
    (time, freq, dim); or an .npz holds an array ``name`` of texts and an array ``x`` of as many rows. A .csv has names
    in its first column and numbers in all others; a first line without numbers is a heading. A relative path starts at
    the folder of weights where one is given.
    """

    table: str = "features.npz"
    clips: str | None = None

    name: ClassVar[str] = "precomputed"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.0
    trained: ClassVar[bool] = False

    def ready(self, normals: Examples, means: Means, seed: int) -> FittedTable:
        """The table, when it holds every one of ``normals``.

        Raises:
            GensupError: no such table, or clips that it does not hold, by name.
        """
        fitted = self.untrained(means)
        missing = [str(ref.path) for ref in normals.audio if fitted.row(ref.read(), ref.rate) is None]
        if missing:
            more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
            raise GensupError(
                "the table does not hold these clips",
                where=str(fitted.table),
                value=", ".join(missing[:NAMED]) + more,
                rule="a row for every clip, by its sound's SHA-256 or its file name",
                remedy="" if self.clips else "set frontend.clips, where rows are called by file names",
            )
        return fitted

    def untrained(self, means: Means) -> FittedTable:
        base = means.weights or Path()
        table, clips = base / self.table, None if self.clips is None else base / self.clips
        if not table.is_file():
            raise GensupError("no such table", where="frontend.table", value=str(table), remedy="check the path")
        rows = _read(table, table.stat().st_mtime_ns)
        return FittedTable(table, clips, sha256_file(table), sum(x.size for x in rows.values()))

    def restore(self, file: Path, means: Means) -> FittedTable:
        from safetensors import safe_open

        fitted = self.untrained(means)
        with safe_open(file, framework="numpy") as arrays:
            made = bytes(arrays.get_tensor(f"{STATE}dim")) if f"{STATE}dim" in set(arrays.keys()) else b""
        if made != bytes(fitted.state()["dim"]):
            raise GensupError(
                "a table of other features", where=str(fitted.table), rule="as wide as what the detector was fitted on"
            )
        return fitted


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Where the table lies; every process reads it once."""

    table: Path
    clips: Path | None
    sha256: str
    count: int  # numbers in it

    name: ClassVar[str] = Precomputed.name
    version: ClassVar[int] = Precomputed.version
    per_clip_seconds: ClassVar[float] = Precomputed.per_clip_seconds

    @property
    def fingerprint(self) -> str:
        return digest(self.sha256)

    @property
    def n_parameters(self) -> int:
        return 0  # of the network that made them nothing is known

    def state(self) -> Arrays:
        """The features' width: new clips may come in another table, of the same features."""
        first = next(iter(_read(self.table, self.table.stat().st_mtime_ns).values()))
        return {"dim": np.array(first.shape[1:], dtype=np.int64)}

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        found = self.row(audio, rate)
        if found is None:
            raise GensupError(
                "the table does not hold this clip",
                value=f"sound {fingerprint(audio)[:16]}... at {rate} Hz",
                rule=f"a row of {self.table}",
                remedy="add it to the table",
            )
        return Tokens(found)

    def row(self, audio: Audio, rate: int) -> NDArray[np.float32] | None:
        """(time, freq, dim) of a sound, or None when the table does not hold it."""
        rows = _read(self.table, self.table.stat().st_mtime_ns)
        key = fingerprint(audio)
        if key in rows or self.clips is None:
            return rows.get(key)
        called = _names(self.clips, frozenset(rows), rate).get(key)
        return None if called is None else rows[called]


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> Mapping[str, NDArray[np.float32]]:
    """Every row as (time, freq, dim), all of one freq and dim."""
    try:
        rows = {".npz": _npz, ".safetensors": _safetensors, ".csv": _csv}[path.suffix.lower()](path)
    except KeyError:
        raise GensupError("not a table", where=str(path), rule=".npz, .safetensors or .csv") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:
        raise GensupError("not a table", where=str(path), value=str(error), remedy="write it again") from None
    whole = {name: _whole(x, f"{path}: {name}") for name, x in rows.items()}
    if len({x.shape[1:] for x in whole.values()}) != 1:
        raise GensupError(
            "rows of different width", where=str(path), rule="one freq and dim in all, and a row at least"
        )
    return whole


def _npz(path: Path) -> dict[str, NDArray[np.generic]]:
    from zipfile import BadZipFile

    try:
        with np.load(path, allow_pickle=False) as file:
            if set(file.files) == {"name", "x"}:
                names, x = file["name"], file["x"]
                if len(names) != len(x) or len(set(names.tolist())) != len(x):
                    raise ValueError(f"{len(set(names.tolist()))} names of {len(x)} rows")
                return dict(zip(map(str, names.tolist()), x, strict=True))
            return {name: file[name] for name in file.files}
    except (BadZipFile, EOFError) as error:
        raise ValueError(str(error)) from None


def _safetensors(path: Path) -> dict[str, NDArray[np.generic]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: dict[str, NDArray[np.generic]] = load_file(path)
        return arrays
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def _csv(path: Path) -> dict[str, NDArray[np.generic]]:
    rows: dict[str, NDArray[np.generic]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, (name, *values) in enumerate((line for line in csv.reader(file) if line), start=1):
            try:
                numbers = np.array([float(value) for value in values])
            except ValueError as error:
                if number == 1:
                    continue
                raise ValueError(f"line {number}: {error}") from None
            if name in rows:
                raise ValueError(f"line {number}: {name} stands there twice")
            rows[name] = numbers
    return rows


def _whole(x: NDArray[np.generic], where: str) -> NDArray[np.float32]:
    """(time, freq, dim) of one row."""
    if x.dtype.kind not in "fiu" or not 1 <= x.ndim <= 3 or not x.size:
        raise GensupError(
            "not features", where=where, value=f"{x.dtype} {x.shape}", rule="numbers in 1 to 3 dimensions"
        )
    if not np.isfinite(x).all():
        raise GensupError("features hold NaN or infinity", where=where, rule="every number is finite")
    shape = {1: (1, 1, -1), 2: (len(x), 1, -1), 3: x.shape}[x.ndim]
    return np.asarray(x, dtype=np.float32).reshape(shape)


@lru_cache(maxsize=8)
def _names(folder: Path, rows: frozenset[str], rate: int) -> Mapping[str, str]:
    """The row of each sound, by SHA-256: of the files below ``folder`` that rows are called by, channel by channel.

    A row may be called by a path below the folder, by a bare file name, or by the same without its ending.
    """
    known: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".wav", ".flac")):
        inside = path.relative_to(folder)
        called = next((n for n in (inside.as_posix(), path.name, path.stem) if n in rows), None)
        if called is None:
            continue
        for channel in range(inspect(path).channels):
            known[fingerprint(AudioRef(path, rate, channel).read())] = called
    return known
