"""A process that is ended, or held up, just before its n-th change to a folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.support.children import FORKS, begun

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
Job = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Life:
    """A process that runs a job."""

    process: ForkServerProcess
    told: Connection

    def changes(self) -> int | None:
        """How many changes of files it made by its end, None when it was killed; AssertionError when it failed."""
        try:
            said = self.told.recv()
        except EOFError:
            said = None
        self.process.join()
        if self.process.exitcode == -signal.SIGKILL:
            return None
        assert self.process.exitcode == 0, f"exit status {self.process.exitcode}: {said}"
        assert isinstance(said, int)
        return said

    def until_held_up(self) -> int:
        """Wait until it stands still; its process id."""
        state = ""
        while state != "T":
            assert self.process.is_alive(), "ended before it could be held up"
            time.sleep(0.005)
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        assert self.process.pid is not None
        return self.process.pid


def born(job: Job, folder: Path, *, at: int | None = None, sign: signal.Signals = signal.SIGKILL) -> Life:
    """Run ``job(folder)`` in a process that sends itself ``sign`` before the ``at``-th change under ``folder``.

    Changes are files opened for writing, synced, renamed and removed, and folders. A line of a journal that it was
    about to append when it was killed is half written by then.
    """
    ours, its = FORKS.Pipe(duplex=False)
    process = begun(_live, its, job, folder, at, sign)
    its.close()
    return Life(process, ours)


def _live(told: Connection, job: Job, folder: Path, at: int | None, sign: signal.Signals) -> None:
    count = 0

    def change(path: str, appended: bool = False) -> None:
        nonlocal count
        if not Path(path).is_relative_to(folder):
            return
        count += 1
        if count == at:
            if appended and sign == signal.SIGKILL:
                descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
                os.write(descriptor, b'{"half":')
            os.kill(os.getpid(), sign)

    def heard(event: str, facts: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = facts
            if flags & (os.O_WRONLY | os.O_RDWR) and isinstance(path, str | os.PathLike):
                change(os.fspath(path), bool(flags & os.O_APPEND) and str(path).endswith(".jsonl"))
        elif event in CHANGES and isinstance(facts[0], str | os.PathLike):
            change(os.fspath(facts[0]))

    def synced(descriptor: int) -> None:
        change(str(Path(f"/proc/self/fd/{descriptor}").readlink()))  # its bytes are there, its name is not
        os.fstat(descriptor)  # and no waiting for the disk: a kill loses nothing that was written

    os.fsync = synced  # no audit event tells of it
    sys.addaudithook(heard)
    try:
        job(folder)
    except BaseException as error:
        told.send(f"{type(error).__name__}: {error}")
        raise
    told.send(count)
