"""Noise for networks that are trained with it: supplemental clips, a folder of the user's, another microphone.

Clean sound of a machine, the other kind of supplemental clip, is left aside: what is scored was recorded amid noise,
and a clip without any would be a class, and a neighbour, of its own. No clip under test is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.audio.files import Channel, inspect
from gensup.clip import Clip, Json
from gensup.detection.between import Sound
from gensup.detection.noise import Noise, no_noise
from gensup.detection.parts import Params
from gensup.detection.recipe import build
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.metadata import compiled, scan
from gensup.metadata.noise import below_test, noise_of, supplemental_noise
from gensup.rng import digest
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recording, listen

FOLDER, CHANNEL = "--noise", "--noise-channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user gives beside the supplemental clips below ROOT."""

    folder: Path | None = None
    channel: Channel | None = None  # of the training clips: a microphone far from the machine

    def wanted(self, candidates: Iterable[Params], trained: bool) -> bool:
        """Whether one of these hears noise while it is trained.

        Args:
            trained: their frontends are trained now.
        """
        return trained and any(getattr(build(params).frontend, "noise", 0.0) > 0 for params in candidates)

    def check(self, wanted: bool) -> None:
        """Raise GensupError if noise is given and nobody hears it."""
        if not wanted and (self.folder is not None or self.channel is not None):
            raise GensupError(
                "nothing to use noise for",
                where=FOLDER if self.folder is not None else CHANNEL,
                rule="a frontend that is trained now, with noise",
                remedy="a recipe that has it (of `fit` and `train` also --set frontend.noise=0.5), or leave this "
                "option out",
            )


@dataclass(frozen=True, slots=True)
class Beside:
    """The clips that are trained on."""

    audio: tuple[Sound, ...]
    key: tuple[str, ...]
    rate: int  # Hz
    channel: Channel


def gathered(
    asked: Asked,
    roots: Sequence[Path],
    machines: Collection[str] | None,
    clips: Beside,
    *,
    out: Path,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
    pattern: str | None = None,
) -> Noise:
    """All noise that there is, at the clips' rate, each sound once, in an order that depends on the sounds alone.

    A sound that is itself trained on is left out.

    Args:
        machines: whose supplemental clips are wanted; None: all.

    Raises:
        GensupError: no noise at all, or in the folder, no such microphone, or (without ``skip_bad``) a clip that the
            gate refuses.
    """

    def heard(files: list[tuple[Clip, Path]], what: str, channel: Channel) -> tuple[Recording, ...]:
        return listen(
            files, what, rate=clips.rate, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress
        ).members

    found: dict[str, tuple[Recording, str | None]] = {}
    for root in roots:
        scanned = scan(root, exclude=[out], pattern=None if pattern is None else compiled(pattern), misfits=[])
        noises = supplemental_noise(root, scanned, machines)
        if noises.clips or noises.aside:
            progress.note(f"supplemental noise below {root}: {noises}")
        if noises.clips:
            files = [(clip, root / clip.path) for clip in noises.clips]
            found |= {member.key: (member, None) for member in heard(files, "supplemental noise", clips.channel)}
    if asked.folder is not None:
        folder = Path(asked.folder)
        noises = noise_of(folder, scan(folder, exclude=[out]), tested=any(below_test(folder, root) for root in roots))
        progress.note(f"noise in {folder}: {noises}")
        if not noises.clips:
            raise GensupError(
                "no noise in this folder",
                where=FOLDER,
                value=f"{folder}: {noises}",
                rule="recordings of noise; neither test clips nor anomalies",
                remedy="name another folder",
            )
        files = [(clip, folder / clip.path) for clip in noises.clips]
        found |= {member.key: (member, None) for member in heard(files, "noise", 0)}
    if asked.channel is not None:
        files, beside = _another_channel(clips, asked.channel)
        progress.note(f"noise of another microphone ({CHANNEL} {asked.channel}): of {len(files)} training clips")
        found |= {member.key: (member, beside[member.ref.path]) for member in heard(files, "noise", asked.channel)}
    own = set(clips.key)
    taken = sorted(key for key in found if key not in own)
    if len(taken) < len(found):
        progress.note(f"{len(found) - len(taken)} clips of noise are training clips, too: left out")
    if not taken:
        raise no_noise()
    progress.note(f"frontends are trained with {len(taken)} clips of noise")
    members = [found[key] for key in taken]
    return Noise(
        audio=tuple(member.ref for member, _ in members),
        key=tuple(taken),
        beside=tuple(clip for _, clip in members),
    )


def described(noise: Noise | None) -> dict[str, Json]:
    """For run.json: nothing where there is none."""
    return {} if noise is None else {"noise": {"clips": len(noise), "fingerprint": digest(list(noise.key))}}


def _another_channel(clips: Beside, channel: Channel) -> tuple[list[tuple[Clip, Path]], dict[Path, str]]:
    """The training clips that have this channel, and the key of each by its file."""
    number, own = _number(channel), _number(clips.channel)
    if isinstance(number, str) or isinstance(own, str) or number == own:
        raise GensupError(
            "not another microphone",
            where=CHANNEL,
            value=channel,
            rule=f"a channel of its own, far or a number; the clips are heard through {clips.channel}",
            remedy=f"choose another channel, or leave {CHANNEL} out",
        )
    needed = number + 1
    beside: dict[Path, str] = {}
    for ref, key in zip(clips.audio, clips.key, strict=True):
        if inspect(ref.path).channels >= needed:
            beside.setdefault(ref.path, key)
    if not beside:
        raise GensupError(
            "no such microphone",
            where=CHANNEL,
            value=channel,
            rule=f"training clips of {needed} or more channels, as those of DCASE 2026",
            remedy=f"leave {CHANNEL} out",
        )
    return [(Clip(path=str(path)), path) for path in beside], beside


def _number(channel: Channel) -> int | str:
    """From 0; a word where it is none."""
    return {"near": 0, "far": 1}.get(channel, channel) if isinstance(channel, str) else channel
