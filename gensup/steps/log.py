"""log.jsonl of a folder: when, where and with which versions, which is all that two runs of one thing differ in."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gensup.clip import Json
from gensup.store import Journal

# Those that sound and scores depend on.
PACKAGES = ("gensup", "numpy", "scipy", "scikit-learn", "soundfile")


def log(folder: Path, event: str, **facts: Json) -> None:
    """Append one event."""
    line: dict[str, Json] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "event": event,
        "versions": {name: _version(name) for name in PACKAGES},
    }
    Journal(folder / "log.jsonl").append(line | facts)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
