"""What a finished run wrote, sealed in run.json: edits that agree with one another are seen, too.

Clips, score rows and arrays carry their SHA-256 in rows and descriptions; those are sealed here, and the seal itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gensup.clip import Json
from gensup.rng import digest
from gensup.store import sha256_file, update_run
from gensup.store.files import is_temporary
from gensup.store.run import read_run
from gensup.synthesis import codec
from gensup.synthesis.twinset import MANIFEST, WANTED

RECORDS = (".json", ".jsonl", ".log")
FOLDERS = ("trials", "detector")


def sealed(run: Path, **sections: Json) -> None:
    """Add sections to run.json, the SHA-256 of every record of the run, and a checksum of run.json itself."""
    files: dict[str, Json] = {name: sha256_file(run / name) for name in records(run)}
    said = read_run(run) | sections | {"files": files}
    update_run(run, **sections, files=files, checksum=checksum(said))


def opened(run: Path) -> None:
    """Take the seal off a run that is continued: until it ends, its records grow."""
    if read_run(run).get("files") is not None:
        update_run(run, files=None, checksum=None)


def checksum(record: Mapping[str, Json]) -> str:
    """Of all that run.json says but this."""
    return digest({key: value for key, value in record.items() if key != "checksum"})


def records(run: Path) -> list[str]:
    """The records of a run by their paths in it, in order; none that may change when it stands."""
    return sorted(path.relative_to(run).as_posix() for path in _records(run))


def broken(run: Path, record: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """Files that are not as run.json has sealed them, and how; nothing of a run without a seal."""
    files = record.get("files")
    if files is None:
        return
    if record.get("checksum") != checksum(record):
        yield run / "run.json", "altered: its checksum stands in it"
    known = files if isinstance(files, dict) else {}
    for name in sorted({*known, *records(run)}):
        path = run / name
        if not path.is_file():
            yield path, "a record of the run is missing"
        elif name not in known:
            yield path, "a record that the run did not write"
        elif sha256_file(path) != known[name]:
            yield path, "not as the run wrote it: its SHA-256 stands in run.json"


def _records(run: Path) -> Iterator[Path]:
    for folder in (run, run / WANTED):
        manifests = (folder / MANIFEST, folder / codec.FOLDER / codec.MANIFEST)
        yield from (path for path in manifests if path.is_file())
    for name in FOLDERS:
        for path in (run / name).rglob("*"):
            if path.suffix in RECORDS and path.is_file() and not is_temporary(path.name):
                yield path
