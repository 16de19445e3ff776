"""Nothing is lost: killed anywhere, continued with the same call, a run has the bytes of one that was left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.rng import generator
from gensup.steps.synthesize import Settings, synthesize
from gensup.steps.tune import tune
from gensup.store import BusyError, sha256_file
from tests.support import killing, sounds

SETTINGS = Settings(pairs=2, severities=(0.5, 2.0), faults=("hiss",), seed=3)
ONE = Settings(pairs=1, severities=(1.0,), faults=("hiss",), seed=3)
RECIPE = (
    "name: tiny\npaper: {cite: tests}\nfrontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 12}\n"
    "pooling: {kind: gwrp, decay: 1.0}\nbackend: {kind: gmm, n_components: 1}\nspace: {backend.n_components: [1, 2]}\n"
)
POINTS = {"synthesize": 12, "tune": 12, "tune-whole": 6}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's recordings, a set of its twins, and a recipe of two configurations."""

    data: Path
    twins: Path
    overlay: Path

    @classmethod
    def under(cls, root: Path) -> Machine:
        machine = cls(sounds.machine(root / "data", train=8, target=2, test=0), root / "twins", root / "detectors")
        synthesize(machine.data, "fan", machine.twins, settings=ONE, workers=1)
        machine.overlay.mkdir()
        (machine.overlay / "tiny.yaml").write_text(RECIPE)
        return machine

    def synthesize(self, out: Path) -> None:
        synthesize(self.data, "fan", out, settings=SETTINGS, workers=1)

    def tune(self, out: Path) -> None:
        """With a set that is given."""
        given, seeded = [self.twins], Settings(seed=3)
        tune(self.data, "fan", out, synthetic=given, settings=seeded, **self._how)  # type: ignore[arg-type]

    def tune_whole(self, out: Path) -> None:
        """With a set of its own, and the rungs that it turns out to lack."""
        tune(self.data, "fan", out, settings=ONE, **self._how)  # type: ignore[arg-type]

    def job(self, name: str) -> Callable[[Path], None]:
        return {"synthesize": self.synthesize, "tune": self.tune, "tune-whole": self.tune_whole}[name]

    @property
    def _how(self) -> dict[str, object]:
        return {"detectors": ["tiny"], "detectors_overlay": self.overlay, "workers": 1}


def contents(folder: Path) -> dict[str, str]:
    """Every folder, and every file by its bytes; logs tell of times."""
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) if path.is_file() else "a folder"
        for path in folder.rglob("*")
        if path.name != "log.jsonl"
    }


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
    command = [sys.executable, "-m", "gensup", "tune", machine.data, "--machine", "fan", "--out", out, "--workers", "2"]
    command += ["--pairs", "1", "--severities", "1", "--faults", "hiss", "--seed", "3"]
    command += ["--detector", "tiny", "--detectors", machine.overlay]
    victim = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(out.glob(until)):
        assert victim.poll() is None, "ended before it could be killed"
        time.sleep(0.002)
    victim.kill()
    victim.wait()
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


@pytest.mark.parametrize("damage", ["no JSON", "no object", "not UTF-8"])
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
    wrong = {"no JSON": lines[0][1:], "no object": b"7\n", "not UTF-8": b"\xff" + lines[0]}[damage]
    (out / journal).write_bytes(wrong + b"".join(lines[1:]))
    before = contents(out)
    with pytest.raises(GensupError, match=rf"{journal}, line 1: .*take the line out"):
        machine.job(name)(out)
    made = {path: said for path, said in before.items() if ".lock" not in path and not path.endswith(".tmp")}
    assert made.items() <= contents(out).items()  # nothing that was made is lost
    (out / journal).write_bytes(b"".join(lines[1:]))
    machine.job(name)(out)
    assert contents(out) == expected
