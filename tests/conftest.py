"""Where the real recordings lie, and whether tests on them run here."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
collect_ignore = [] if (SHARED / "data").is_dir() else ["real"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line says whether the tests on real recordings ran: a suite without them proves less."""
    if collect_ignore:
        terminalreporter.write_line(f"tests/real: left out, no recordings at {SHARED}")
        return
    ran = [r for r in terminalreporter.getreports("passed") if "tests/real/" in r.nodeid]
    terminalreporter.write_line(f"tests/real: {len(ran)} passed on real recordings and names")
