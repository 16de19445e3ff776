"""One writer a run folder."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from gensup.errors import GensupError
from gensup.store.files import refuse, sweep

LOCK = ".lock"
logger = logging.getLogger(__name__)


class BusyError(GensupError):
    """Another process holds the lock."""


@dataclass(slots=True)
class RunLock:
    """Holds a folder (made when missing) for one writer, and removes what killed writers left half-written in it.

    The kernel holds the lock and lets go when the process ends, however it ends: there is no stale lock to remove.

    Raises:
        GensupError: another process holds it (on entering), or the folder cannot be written.
    """

    folder: Path
    _descriptor: int | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        path = self.folder / LOCK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while self._descriptor is None:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    _flock(descriptor, path)
                    # The holder before us may have removed the name while we opened it; a third may lock a new file.
                    if _same(descriptor, path):
                        self._descriptor, descriptor = descriptor, -1
                finally:
                    if descriptor >= 0:
                        os.close(descriptor)
            holder = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n"
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, holder.encode(), 0)
        except OSError as error:
            self._release()
            refuse(path, error)
        sweep(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        (self.folder / LOCK).unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _flock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(
            "another gensup is writing here",
            where=str(path.parent),
            value=_holder(descriptor),
            rule="one writer a folder",
            remedy="wait for it, end it, or name another folder",
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
            raise
        logger.warning("%s: this file system has no locks; see to it that no other gensup writes here", path.parent)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"pid {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has only just begun"


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
