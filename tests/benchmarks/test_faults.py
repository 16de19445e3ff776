"""The table of speeds: every mechanism, and reading and writing beside them."""

from __future__ import annotations

from benchmarks.faults import machine, table
from gensup.synthesis.physical import MECHANISMS


def test_every_mechanism_has_a_row() -> None:
    rows = table(machine()[:, :8000])
    assert [name for name, _, _ in rows[:-1]] == list(MECHANISMS.names())
    assert "reading and writing" in rows[-1][0]
    assert all(float(ratio) > 0 for _, _, ratio in rows)
