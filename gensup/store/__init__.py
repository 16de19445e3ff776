"""All that is kept on disk: a file appears whole or not at all, and a killed run loses only what it had in hand."""

from gensup.store.cache import ArrayCache
from gensup.store.files import (
    atomic,
    read_json,
    sha256_file,
    sweep,
    write_bytes,
    write_json,
    write_text,
)
from gensup.store.journal import Journal
from gensup.store.lock import BusyError, RunLock
from gensup.store.manifest import read_manifest, write_manifest
from gensup.store.run import open_run, update_run
from gensup.store.schema import SCHEMA, check_schema, version

__all__ = [
    "SCHEMA",
    "ArrayCache",
    "BusyError",
    "Journal",
    "RunLock",
    "atomic",
    "check_schema",
    "open_run",
    "read_json",
    "read_manifest",
    "sha256_file",
    "sweep",
    "update_run",
    "version",
    "write_bytes",
    "write_json",
    "write_manifest",
    "write_text",
]
