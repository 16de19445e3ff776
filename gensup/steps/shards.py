"""What the shards of a set have written so far: rows in journals, files beside them, and whose turn it is to finish."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gensup.clip import Json
from gensup.store import BusyError, Journal, RunLock, sha256_file
from gensup.synthesis.make import Made
from gensup.synthesis.tries import ATTEMPT

JOURNAL = "journal"
REMADE = "remade"  # sorts after the shards' own: its rows are the later ones


@contextmanager
def turn(folder: Path, done: Path) -> Iterator[None]:
    """Hold the lock of ``folder``; while another holds it, wait, until ``done`` stands."""
    while not done.is_file():
        try:
            with RunLock(folder):
                yield
                return
        except BusyError:
            time.sleep(0.1)
    yield


def journalled(out: Path) -> dict[str, dict[str, Json]]:
    """The last row of every clip, from the journals of all shards."""
    rows: dict[str, dict[str, Json]] = {}
    for path in sorted((out / JOURNAL).glob("*.jsonl")):
        rows |= {str(row["id"]): row for row in Journal(path).read()}
    return rows


def rows_of(made: Made) -> list[dict[str, Json]]:
    """What a batch adds to a journal."""
    refused: list[dict[str, Json]] = [{"id": clip, "refused": reason} for clip, reason in made.refused.items()]
    return [*made.rows, *refused]


def verified(out: Path, rows: Iterable[dict[str, Json]]) -> set[str]:
    """Ids of the rows whose files are there as they were written."""
    return {
        str(row["id"])
        for row in rows
        if "refused" in row or ((path := out / str(row["file_name"])).is_file() and sha256_file(path) == row["sha256"])
    }


def counted(refused: Mapping[str, str]) -> dict[str, str]:
    """How many clips were refused, by reason."""
    reasons = sorted(set(refused.values()))
    return {reason: f"{sum(r == reason for r in refused.values())} clips" for reason in reasons}


def attempt_of(row: Mapping[str, Json]) -> int:
    """How often the twin of a row was made before."""
    parameters = row.get("parameters")
    return int(str(parameters.get(ATTEMPT, 0))) if isinstance(parameters, dict) else 0


def remade(rows: Iterable[Mapping[str, Json]]) -> int:
    """How many twins stand as they came out of another seed than their first."""
    return sum(row["id"] == row["twin"] and attempt_of(row) > 0 for row in rows)


def repeated(rows: Mapping[str, Mapping[str, Json]], order: Iterable[str]) -> dict[str, str]:
    """Clips that have the bytes of one before them in ``order``, each with that one's id.

    Asked are anomalies, and normal twins that were made from noise: those of one recording may well be equal.
    """
    first: dict[str, str] = {}
    again: dict[str, str] = {}
    for clip in order:
        row = rows.get(clip)
        if row is None or "refused" in row or row["nuisance"] is not None:
            continue
        if row["condition"] == "normal" and row["sources"]:
            continue
        sound = str(row["sha256"])
        if first.setdefault(sound, clip) != clip:
            again[clip] = first[sound]
    return again
