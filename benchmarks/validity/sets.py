"""Which labelled sets a folder holds: known collections by their layout, others by their names and folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.validity.audio import Recorded
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import scan

TYPES = ("ToyCar", "ToyConveyor", "fan", "pump", "slider", "valve")


@dataclass(frozen=True, slots=True)
class _Known:
    """A set as patterns of paths below the folder of all sets."""

    name: str
    machine: str
    normal: tuple[str, ...]
    anomaly: tuple[str, ...]
    train: tuple[str, ...] = ()
    seen: bool = False
    note: str = ""


def _known() -> Iterator[_Known]:
    """Collections whose folders do not say all: several that are one machine, or words that are no conditions."""
    same = (
        "mimii_m6dB_ch0/slider/id_00/{}/*",
        "dcase2020_samples/slider/{}_id_00_*",
        "dcase2020_samples_yos95/slider/{}_id_00_*",
    )
    yield _Known(
        "slider id_00",
        "slider",
        normal=tuple(pattern.format("normal") for pattern in same),
        anomaly=tuple(p.format("abnormal" if "mimii" in p else "anomaly") for p in same),
        train=("dcase2020_slider_id00_train/*",),
        seen=True,
        note="three collections' test clips; the README of this project scores it too",
    )
    yield _Known("fan id_00", "fan", ("mimii_fan_id00_ch0/normal/*",), ("mimii_fan_id00_ch0/abnormal/*",))
    for machine in ("fan", "pump", "slider", "valve"):
        for section in ("id_00", "id_02"):
            place = f"mimii_m6dB_ch0/{machine}/{section}"
            yield _Known(f"-6 dB {machine} {section}", machine, (f"{place}/normal/*",), (f"{place}/abnormal/*",))
    for motor in ("M1", "M2"):
        yield _Known(
            f"brushless motor {motor}",
            "BrushlessMotor",
            (f"bldc_cauca/Healthy/{motor}/*",),
            (f"bldc_cauca/Propeller/{motor}/*",),
            note="a speed a clip; partly level",
        )
    for machine in TYPES:
        yield _Known(
            f"DCASE 2020 {machine}",
            machine,
            (f"dcase2020_samples/{machine}/normal_*",),
            (f"dcase2020_samples/{machine}/anomaly_*",),
            note="several machines of a type as one",
        )


def known_recordings(root: Path) -> list[Recorded]:
    """The known sets that are there."""
    found = []
    for known in _known():
        train, normal, anomaly = (
            tuple(sorted(path for pattern in patterns for path in root.glob(pattern)))
            for patterns in (known.train, known.normal, known.anomaly)
        )
        if normal and anomaly and (train or not known.train):
            found.append(
                Recorded(
                    name=known.name,
                    machine=known.machine,
                    train=train,
                    normal=normal,
                    anomaly=anomaly,
                    seen=known.seen,
                    note=known.note,
                )
            )
    return found


def recordings(folder: Path) -> list[Recorded]:
    """Labelled recordings in any layout that ``gensup.scan`` reads: a set a machine and section.

    Raises:
        GensupError: no machine there has both normal and anomalous clips.
    """
    by_machine: dict[tuple[str, str], list[Clip]] = {}
    for clip in scan(folder):
        by_machine.setdefault((clip.machine or folder.resolve().name, clip.section or ""), []).append(clip)
    found = []
    for (machine, section), clips in sorted(by_machine.items()):
        given = Recorded(name=f"{machine} {section}".strip(), machine=machine, train=(), normal=(), anomaly=())
        train = [c for c in clips if c.split == "train" and c.condition != "anomaly"]
        others = [c for c in clips if c not in train]
        given = replace(
            given,
            train=tuple(folder / c.path for c in train),
            normal=tuple(folder / c.path for c in others if c.condition == "normal"),
            anomaly=tuple(folder / c.path for c in others if c.condition == "anomaly"),
        )
        if given.normal and given.anomaly:
            found.append(given)
    if not found:
        raise GensupError(
            "nothing to judge by",
            where=str(folder),
            rule="a machine with normal and with anomalous clips, as told by names or folders",
        )
    return found


def tables(root: Path) -> list[Path]:
    """Feature tables below a folder."""
    return sorted(root.rglob("*.npz"))
