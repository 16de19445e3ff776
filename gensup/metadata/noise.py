"""Which clips are noise: supplemental ones of noise alone, and what a user calls so. Never a test clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from gensup.clip import Clip
from gensup.metadata.folders import CONDITIONS, SPLITS
from gensup.metadata.names import parts, stem

KIND = ("kind", "noise")  # as names of 2025 say it
_ALONE = tuple(word for word, split in SPLITS.items() if split == "supplemental" and word != "supplemental")


@dataclass(frozen=True, slots=True)
class Noises:
    """Clips of noise, and how many others were left aside for which reason."""

    clips: tuple[Clip, ...]
    aside: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        left = ", ".join(f"{count} {reason}" for reason, count in self.aside)
        return f"{len(self.clips)} clips" + (f"; left aside: {left}" if left else "")


def supplemental_noise(root: Path, clips: Iterable[Clip], machines: Collection[str] | None = None) -> Noises:
    """The supplemental clips of a scanned tree whose names or folders say that they are noise alone.

    Clean sound of a machine is not among them, nor is a supplemental clip that says neither. What a name or any folder
    calls a test clip is never taken, whatever else is said of it.

    Args:
        machines: whose clips are wanted, beside those that name no machine; None: all.
    """
    supplemental = [clip for clip in clips if clip.split == "supplemental"]
    wanted = [clip for clip in supplemental if machines is None or clip.machine is None or clip.machine in machines]
    return _sorted([(clip, _not_supplemental_noise(root, clip)) for clip in wanted])


def noise_of(folder: Path, clips: Iterable[Clip], *, tested: bool = False) -> Noises:
    """The clips of a folder that the user calls noise, whatever their names are.

    Left aside: test clips, anomalies, and supplemental clips of a machine's clean sound.

    Args:
        tested: the folder lies below one of test clips.
    """
    return _sorted([(clip, "test clips" if tested else _not_noise(folder, clip)) for clip in clips])


def below_test(folder: Path, root: Path) -> bool:
    """Whether ``folder`` lies in ``root``, below a folder of test clips."""
    here, there = folder.resolve(), root.resolve()
    return here.is_relative_to(there) and _tests((there.name, *here.relative_to(there).parts))


def _sorted(said: list[tuple[Clip, str]]) -> Noises:
    aside = Counter(reason for _, reason in said if reason)
    return Noises(tuple(clip for clip, reason in said if not reason), tuple(sorted(aside.items())))


def _not_supplemental_noise(root: Path, clip: Clip) -> str:
    """Why a supplemental clip is not taken; "" where it is."""
    if reason := _not_noise(root, clip):
        return reason
    alone = any(word.lower() in _ALONE for word in parts(clip.path)[:-1])
    return "" if alone or KIND in clip.attributes else "that say no kind"


def _not_noise(root: Path, clip: Clip) -> str:
    above = (root.resolve().name, *parts(clip.path)[:-1])
    # A name may say test and be overruled by its folder; here it is not.
    if clip.split == "test" or _tests(above) or "test" in stem(clip.path).lower().split("_"):
        return "test clips"
    if clip.condition == "anomaly" or any(CONDITIONS.get(word.lower()) == "anomaly" for word in above):
        return "anomalies"
    return "clean clips of machines" if ("kind", "machine") in clip.attributes else ""


def _tests(words: Iterable[str]) -> bool:
    return any(SPLITS.get(word.lower()) == "test" for word in words)
