"""Rendered machines as files: a DCASE-shaped data set to try gensup on, or one machine with every failure apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from benchmarks.rendered import blower, valve
from benchmarks.rendered.kinds import Failure, Kind
from benchmarks.rendered.sounds import bangs, room
from gensup.clip import Domain
from gensup.rng import generator

GRADES = (0.3, 0.6, 1.0)  # how far a fault has gone
TARGET_ROOM_DB = 4.0  # the target domain's room is louder
DOMAINS: tuple[Domain, Domain] = ("source", "target")

KINDS: Mapping[str, Kind] = {"ClickValve": valve.CLICK, "RotaryBlower": blower.ROTARY}


def render(
    folder: Path,
    *,
    seed: int,
    train: int = 64,
    target: int = 6,
    test: int = 40,
    seconds: float = 4.0,
    rate: int = 16_000,
    machines: Sequence[str] = tuple(KINDS),
) -> tuple[str, ...]:
    """Write the machines' ``train/`` and ``test/`` under ``folder``, 16 bit, the same bytes for the same arguments.

    Args:
        train: normal training clips of the source domain, a machine; ``target`` of the target domain.
        test: test clips a machine, a multiple of four: each domain and condition gets a quarter.

    Returns:
        The machines' names.
    """
    for name in machines:
        kind = KINDS[name]
        write = _Writer(name, kind, seed, seconds, rate)
        write.normals(folder / name / "train", "train", (train, target))
        write.normals(folder / name / "test", "test", (test // 4, test // 4))
        for domain in DOMAINS:
            for i in range(test // 4):
                failure, grade = _turn(kind.failures, i)
                write.clip(folder / name / "test", domain, "test", i, failure, grade)
    return tuple(machines)


def render_failures(
    folder: Path,
    name: str,
    kind: Kind,
    *,
    seed: int,
    train: int = 64,
    target: int = 6,
    normals: int = 80,
    anomalies: int = 40,
    seconds: float = 4.0,
    rate: int = 16_000,
) -> tuple[Path, Path, dict[str, Path]]:
    """Write one machine, each failure's anomalies in a folder of their own; half of the test is of the target domain.

    Returns:
        The folders of the training clips, of the test's normal clips, and of each failure's anomalies.
    """
    write = _Writer(name, kind, seed, seconds, rate)
    place = folder / name
    write.normals(place / "train", "train", (train, target))
    write.normals(place / "test" / "normal", "test", (normals // 2, normals // 2))
    for failure in kind.failures:
        for domain in DOMAINS:
            for i in range(anomalies // 2):
                grade = GRADES[i % len(GRADES)]
                write.clip(place / "test" / failure.name, domain, "test", i, failure, grade, failure.name)
    tests = {failure.name: place / "test" / failure.name for failure in kind.failures}
    return place / "train", place / "test" / "normal", tests


def _turn(failures: Sequence[Failure], i: int) -> tuple[Failure, float]:
    """Grades go round a step later each time all failures have had their turn: each comes in every grade."""
    return failures[i % len(failures)], GRADES[(i + i // len(failures)) % len(GRADES)]


class _Writer:
    def __init__(self, name: str, kind: Kind, seed: int, seconds: float, rate: int) -> None:
        self.name, self.kind, self.seed = name, kind, seed
        self.samples, self.rate = round(seconds * rate), rate

    def normals(self, folder: Path, split: str, counts: tuple[int, int]) -> None:
        for domain, count in zip(DOMAINS, counts, strict=True):
            for i in range(count):
                self.clip(folder, domain, split, i)

    def clip(
        self,
        folder: Path,
        domain: Domain,
        split: str,
        i: int,
        failure: Failure | None = None,
        grade: float = 0.0,
        *names: str,
    ) -> None:
        condition = "normal" if failure is None else "anomaly"
        rng = generator("rendered", self.seed, self.name, domain, split, condition, *names, i)
        settings = self.kind.settings[domain]
        setting = settings[i % len(settings)]
        machine = self.kind.build(dict(setting))
        if failure is not None:
            machine = failure.breaks(machine, grade * failure.scale, rng)
        sound = machine.sound(rng, self.samples, self.rate) * 10 ** (0.5 * rng.standard_normal() / 20)
        room_db = self.kind.room_db + (TARGET_ROOM_DB if domain == "target" else 0) + rng.standard_normal()
        sound += 10 ** (room_db / 20) * room(rng, self.samples, self.rate)
        sound += bangs(rng, self.samples, self.rate, self.kind.bangs_hz)
        attributes = "_".join(f"{key}_{value}" for key, value in setting)
        path = folder / f"section_00_{domain}_{split}_{condition}_{i:04d}_{attributes}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, self.rate, np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16))
