"""Where the real recordings lie, and whether tests on them run here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a machine that is busy is no error
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"
collect_ignore = [] if (SHARED / "data").is_dir() else ["real"]


@pytest.fixture(scope="session", autouse=True)
def _heeds_interrupts() -> None:
    """Who is started in the background ignores Ctrl-C, and so would every process that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Only a power cut loses what was written and not synced, and no test cuts the power. Who syncs what, and in what
    order, tests ask by replacing ``os.fsync`` themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # a descriptor that is closed is still an error
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line says whether the tests on real recordings ran: a suite without them proves less."""
    if collect_ignore:
        terminalreporter.write_line(f"tests/real: left out, no recordings at {SHARED}")
        return
    ran = [r for r in terminalreporter.getreports("passed") if "tests/real/" in r.nodeid]
    terminalreporter.write_line(f"tests/real: {len(ran)} passed on real recordings and names")
