"""Nothing is lost: killed anywhere, continued with the same call, a run has the bytes of one that was left alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.rng import generator
from gensup.store import BusyError
from tests.support import killing
from tests.support.tiny import Machine, contents

POINTS = {"synthesize": 12, "tune": 12, "tune-whole": 6}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine.under(tmp_path_factory.mktemp("killed"))


Undisturbed = dict[str, tuple[int, dict[str, str]]]


@pytest.fixture(scope="module")
def undisturbed(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Of every job: how many changes it makes, and what it leaves."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {}
    for name in POINTS:
        changes = killing.born(machine.job(name), folder / name).changes()
        assert changes is not None
        found[name] = changes, contents(folder / name)
    return found


@pytest.mark.parametrize(("name", "point"), [(name, i) for name, count in POINTS.items() for i in range(count)])
def test_a_killed_run_continues_to_the_same_bytes(
    machine: Machine, undisturbed: Undisturbed, tmp_path: Path, name: str, point: int
) -> None:
    """SIGKILL at a change of the folder, drawn from the point's share of all changes."""
    changes, expected = undisturbed[name]
    low, high = (changes * i // POINTS[name] for i in (point, point + 1))
    at = 1 + int(generator("killed", name, point).integers(low, high))
    out = tmp_path / "out"
    assert killing.born(machine.job(name), out, at=at).changes() is None
    again = killing.born(machine.job(name), out).changes()
    assert contents(out) == expected, f"killed at change {at} of {changes}, continued with {again}"


@pytest.mark.parametrize("until", ["clips/*.wav", "trials/scores/*.npy"])
def test_two_workers_are_killed_with_their_master(
    machine: Machine, undisturbed: Undisturbed, tmp_path: Path, until: str
) -> None:
    out = tmp_path / "out"
    life = killing.born(machine.tune_with_two, out)
    while not list(out.glob(until)):
        assert life.process.is_alive(), "ended before it could be killed"
        time.sleep(0.002)
    life.process.kill()
    assert life.changes() is None
    killing.born(machine.tune_whole, out).changes()
    assert contents(out) == undisturbed["tune-whole"][1]


@pytest.mark.parametrize(("name", "share"), [("synthesize", 0.5), ("tune-whole", 0.2), ("tune", 0.7)])
def test_a_second_writer_is_told_of_the_first_and_does_it_no_harm(
    machine: Machine, undisturbed: Undisturbed, tmp_path: Path, name: str, share: float
) -> None:
    changes, expected = undisturbed[name]
    out = tmp_path / "out"
    first = killing.born(machine.job(name), out, at=int(share * changes), sign=signal.SIGSTOP)
    pid = first.until_held_up()
    try:
        with pytest.raises(BusyError, match=f"another gensup is writing here.*pid {pid} on .*wait for it"):
            machine.job(name)(out)
    finally:
        os.kill(pid, signal.SIGCONT)
    first.changes()
    assert contents(out) == expected


@pytest.mark.parametrize("damage", ["no JSON", "not UTF-8"])
@pytest.mark.parametrize(
    ("name", "journal"), [("synthesize", "journal/0-of-1.jsonl"), ("tune", "trials/journal.jsonl")]
)
def test_a_damaged_line_is_named_and_its_remedy_works(
    machine: Machine, undisturbed: Undisturbed, tmp_path: Path, name: str, journal: str, damage: str
) -> None:
    changes, expected = undisturbed[name]
    out = tmp_path / "out"
    killing.born(machine.job(name), out, at=int(0.8 * changes)).changes()
    lines = (out / journal).read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    wrong = {"no JSON": lines[0][1:], "not UTF-8": b"\xff" + lines[0]}[damage]
    (out / journal).write_bytes(wrong + b"".join(lines[1:]))
    before = contents(out)
    with pytest.raises(GensupError, match=rf"{journal}, line 1: .*take the line out"):
        machine.job(name)(out)
    made = {path: said for path, said in before.items() if ".lock" not in path and not path.endswith(".tmp")}
    assert made.items() <= contents(out).items()  # nothing that was made is lost
    (out / journal).write_bytes(b"".join(lines[1:]))
    machine.job(name)(out)
    assert contents(out) == expected
