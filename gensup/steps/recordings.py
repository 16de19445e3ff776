"""Real recordings through the gate: every clip is listened to once, before anything is made of any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gensup.audio.files import AudioInfo, AudioRef, Channel, fingerprint, inspect
from gensup.clip import Clip, Json
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.metadata import compiled, describe, first_shot, join, left_out, scan, tables_below
from gensup.metadata.tree import is_ours
from gensup.rng import digest
from gensup.steps.progress import Progress

CLIPS_A_TASK = 32


@dataclass(frozen=True, slots=True)
class Recording:
    """A clip that passed the gate."""

    clip: Clip
    ref: AudioRef
    key: str  # sha256 of the decoded audio
    seconds: float


@dataclass(frozen=True, slots=True)
class Recordings:
    """The clips of one machine, all at one rate and reduced to one channel."""

    machine: str
    members: tuple[Recording, ...]
    rate: int  # Hz
    channel: Channel
    left_out: dict[str, str] = field(default_factory=dict)  # path -> why, with --skip-bad

    @property
    def fingerprint(self) -> str:
        """Changes when a clip, its sound or what its name says does."""
        return digest([[m.clip.path, m.key, repr(m.clip)] for m in self.members])

    def described(self) -> dict[str, Json]:
        """For run.json."""
        data: dict[str, Json] = {"clips": len(self.members), "fingerprint": self.fingerprint}
        return {"machine": self.machine, "channel": self.channel, "rate": self.rate, "data": data}


def normals(
    root: Path,
    machine: str,
    *,
    out: Path,
    channel: Channel,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
    pattern: str | None = None,
    attributes: Path | None = None,
) -> Recordings:
    """The target's normal training clips, listened to. ``out`` may lie inside ``root`` and is not scanned.

    Attribute tables below ``root`` and the table ``attributes`` are joined to these clips alone: a row of any other
    clip is counted and not read.

    Args:
        pattern: how a user's own paths are to be read, see ``metadata.patterns``.

    Raises:
        GensupError: no such clips, a damaged table, or (without ``skip_bad``) a clip that the gate refuses.
    """
    if not machine.strip() or any(char in "/\\" or not char.isprintable() for char in machine):
        raise GensupError("no machine type", where="--machine", value=machine, rule="a word such as ToyDrone")
    if out.resolve() in (root.resolve(), *root.resolve().parents):
        raise GensupError(
            "the output would hold the recordings",
            where=str(out),
            rule="a folder of its own",
            remedy="name another --out",
        )
    for folder in root.resolve().parents:
        if is_ours(folder):
            raise GensupError(
                "this folder is part of a run or a twin set",
                where=str(root),
                value=str(folder),
                rule="generated clips are never taken for recordings",
                remedy="name the folder of the recordings",
            )
    if channel == "all":
        raise GensupError("not one channel", where="--channel", value=channel, rule="near, far, mean or a number")
    misfits: list[tuple[str, str]] = []
    own = None if pattern is None else compiled(pattern)
    scanned = scan(root, exclude=[out], pattern=own, misfits=misfits)
    for line in left_out(misfits):
        progress.note(line)
    try:
        taken, aside = first_shot(root, scanned, machine)
    except GensupError:
        for line in describe(root, scanned).summary():
            progress.note(line)
        raise
    for line in aside.lines():
        progress.note(line)
    machines = {clip.machine for clip in scanned if clip.machine is not None}
    asked = () if attributes is None else (attributes,)
    joined = join(root, taken.target, tables_below(root, exclude=[out]), named=asked, machines=machines)
    for line in joined.lines():
        progress.note(line)
    files = [(clip, root / clip.path) for clip in joined.clips]
    return listen(files, machine, rate=None, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress)


def listen(
    files: Sequence[tuple[Clip, Path]],
    machine: str,
    *,
    rate: int | None,
    channel: Channel,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
) -> Recordings:
    """Send every file through the gate; ``rate`` None is the rate that most of them have.

    Raises:
        GensupError: a refused clip (without ``skip_bad``), or none is left.
    """
    left_out: dict[str, str] = {}
    headers: list[tuple[Clip, Path, AudioInfo]] = []
    for clip, path in files:
        try:
            headers.append((clip, path, inspect(path)))
        except GensupError as error:
            _refused(left_out, clip, error, skip_bad)
    rates = Counter(info.rate for _, _, info in headers)
    if not rates:
        raise GensupError(
            "no clip can be read", where=machine, value=f"{len(left_out)} refused", remedy="mend the files"
        )
    common = rate or max(rates, key=lambda r: (rates[r], -r))
    _tell(progress, [info for _, _, info in headers], common, channel)
    refs = [AudioRef(path, common, channel) for _, path, _ in headers]
    chunks = [refs[i : i + CLIPS_A_TASK] for i in range(0, len(refs), CLIPS_A_TASK)]
    heard: dict[int, tuple[str, float] | GensupError] = {}
    for done in engine.run(_Listen(), chunks):
        heard |= dict(enumerate(done.result(), done.index * CLIPS_A_TASK))
    members = []
    for i, (clip, _, _) in enumerate(headers):
        result = heard[i]
        if isinstance(result, GensupError):
            _refused(left_out, clip, result, skip_bad)
        else:
            members.append(Recording(clip, refs[i], *result))
    if left_out:
        progress.note(f"left out {len(left_out)} of {len(files)} clips:")
        for reason in left_out.values():
            progress.note(f"  {reason}")
    if not members:
        raise GensupError(
            "no clip passes the gate", where=machine, value=f"{len(left_out)} refused", remedy="mend the files"
        )
    return Recordings(machine, tuple(members), common, channel, left_out)


@dataclass(frozen=True, slots=True)
class _Listen:
    """One worker's task: what each clip is, or why it is refused."""

    doing = "listening"

    def __call__(self, refs: Sequence[AudioRef]) -> list[tuple[str, float] | GensupError]:
        return [self._heard(ref) for ref in refs]

    def _heard(self, ref: AudioRef) -> tuple[str, float] | GensupError:
        try:
            audio = ref.read()
        except GensupError as error:
            return error
        return fingerprint(audio), audio.shape[1] / ref.rate


def _refused(left_out: dict[str, str], clip: Clip, error: GensupError, skip_bad: bool) -> None:
    if not skip_bad:
        raise error
    left_out[clip.path] = str(error)


def _tell(progress: Progress, infos: Sequence[AudioInfo], rate: int, channel: Channel) -> None:
    """Say once what is resampled and what is reduced."""
    others = Counter(info.rate for info in infos if info.rate != rate)
    for other, count in sorted(others.items()):
        progress.note(f"{count} of {len(infos)} clips are at {other} Hz: resampled to {rate} Hz")
    several = [info.channels for info in infos if info.channels > 1]
    if several:
        how = "their mean is used" if channel == "mean" else f"channel {channel} is used"
        progress.note(f"{len(several)} of {len(infos)} clips have {max(several)} channels: {how} (--channel)")
