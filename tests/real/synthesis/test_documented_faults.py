"""Every fault of the collected list has rows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from gensup.captions import faults_for

LISTED = json.loads((Path(__file__).resolve().parents[4] / "shared" / "dcase" / "faults.json").read_text())
COUNTS = Counter(row["machine"] for row in LISTED)


@pytest.mark.parametrize("machine", COUNTS)
def test_a_machine_has_at_least_a_row_a_fault(machine: str) -> None:
    own = [row for row in faults_for(machine) if row.machines]
    assert len(own) >= COUNTS[machine]


@pytest.mark.parametrize("fault", LISTED, ids=lambda fault: f"{fault['machine']}: {fault['fault']}")
def test_a_documented_fault_is_a_row_that_says_so(fault: dict[str, str]) -> None:
    own = [row for row in faults_for(fault["machine"]) if row.machines]
    assert own
    if fault["status"] != "documented":
        return
    # A word of its name is a row's: "bent shaft", "damaged wheels", "voltage change" for over/under voltage.
    words = {word.strip("(),").lower() for word in fault["fault"].replace("/", " ").split()} - {"change"}
    named = [row for row in own if words & {word.lower() for word in row.fault.split()}]
    assert named, fault["fault"]
    assert {row.signature_source for row in named} <= {"guessed", "plausible"}
    assert any(row.signature_source == "guessed" for row in named)
