"""A detector made of detectors: the mean or the maximum of their standardised scores, itself standardised again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection import chain
from gensup.detection.chain import ChainDetector, score_many
from gensup.detection.examples import Examples
from gensup.detection.held_out import HeldOut
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Scores
from gensup.detection.saved import (
    DESCRIPTION,
    MEMBERS,
    GroupBy,
    Rate,
    SavedChannel,
    checked,
    damaged,
    described,
    encoded,
    group_of,
    remove_leftovers,
    verified,
)
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.store import SCHEMA, write_bytes

Combine: TypeAlias = Literal["mean", "max"]
Member: TypeAlias = "ChainDetector | Fusion"


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """Its raw score is the mean or the maximum over its members of each member's standardised score.

    Raises:
        GensupError: no member, or members of different machines, rates, channels or groups.
    """

    combine: Combine
    members: tuple[Member, ...]
    held_out: HeldOut

    def __post_init__(self) -> None:
        if not self.members:
            raise GensupError("a fusion of nothing", rule="at least one member")
        for what in ("machine", "rate", "channel", "group_by", "groups"):
            values = {getattr(member, what) for member in self.members}
            if len(values) > 1:
                raise GensupError(
                    "these detectors cannot be fused",
                    where=what,
                    value=", ".join(sorted(map(str, values))),
                    rule="all members hear the same clips of the same machine, in the same groups",
                    remedy="fit them on the same recordings",
                )

    @property
    def machine(self) -> str:
        return self.members[0].machine

    @property
    def group_by(self) -> tuple[str, ...]:
        return self.members[0].group_by

    @property
    def groups(self) -> tuple[str, ...]:
        return self.members[0].groups

    @property
    def rate(self) -> int:
        return self.members[0].rate

    @property
    def channel(self) -> Channel:
        return self.members[0].channel

    @property
    def transductive(self) -> bool:
        """Whether a member's scores depend on the clips that are scored together."""
        return any(member.transductive for member in self.members)

    @property
    def threshold(self) -> float:
        return self.held_out.threshold

    @property
    def description(self) -> str:
        """E.g. "max of (mean of (8 twfr-gmm), max of (5 twfr-gmm))"."""
        words = Counter(m.recipe if isinstance(m, ChainDetector) else m.description for m in self.members)
        said = ", ".join(word if count == 1 else f"{count} {word}" for word, count in words.items())
        return f"{self.combine} of ({said})"

    def chains(self) -> tuple[ChainDetector, ...]:
        """The chains that it is made of, through all fusions inside it, each once."""
        found: dict[ChainDetector, None] = {}
        for member in self.members:
            found |= dict.fromkeys([member] if isinstance(member, ChainDetector) else member.chains())
        return tuple(found)

    def group_of(self, group: str, where: str) -> str:
        """The group whose models score a clip of ``group``, see ``ChainDetector.group_of``."""
        return group_of(self.groups, group, where)

    def score(self, clips: Examples, engine: Engine, means: Means = NOTHING) -> Scores:
        """(clips,) anomaly scores, higher = more anomalous. Each chain scores once, each frontend hears a clip once."""
        return self._combined(score_many(self.chains(), clips, engine, means))

    def normalised(self, scores: Scores) -> Scores:
        """Scores in standard deviations from the mean of held-out normal clips."""
        return self.held_out.normalised(scores)

    def save(self, folder: Path) -> None:
        """Write every chain once, as a detector in ``members/``, and last detector.json, which says how they combine.

        A chain's folder is named after its content, so that a chain that stands in two fusions is one.
        """
        kept = {DESCRIPTION}
        digests = {}
        for member in self.chains():
            files = member.files()
            digests[member] = sha256(files[DESCRIPTION]).hexdigest()
            place = _place(digests[member])
            for name, data in files.items():
                write_bytes(folder / place / name, data)
                kept.add(f"{place}/{name}")
        description: dict[str, Json] = {
            "schema": SCHEMA,
            "kind": "fusion",
            "machine": self.machine,
            "group_by": list(self.group_by),
            "groups": list(self.groups),
            "rate": self.rate,
            "channel": self.channel,
            **self._structure(digests),
        }
        write_bytes(folder / DESCRIPTION, encoded(description))
        remove_leftovers(folder, kept)

    def _combined(self, raw: Mapping[ChainDetector, Scores]) -> Scores:
        return _combination(
            self.combine,
            [m.normalised(raw[m] if isinstance(m, ChainDetector) else m._combined(raw)) for m in self.members],
        )

    def _structure(self, digests: Mapping[ChainDetector, str]) -> dict[str, Json]:
        return {
            "combine": self.combine,
            "held_out": asdict(self.held_out),
            "members": [
                {"chain": digests[m]} if isinstance(m, ChainDetector) else m._structure(digests) for m in self.members
            ],
        }


def fuse(combine: Combine, members: Sequence[Member], held_out: Sequence[Scores]) -> tuple[Fusion, Scores]:
    """A fusion, and its own raw held-out scores (n,), with which it can be a member itself.

    Args:
        held_out: for each member the (n,) raw scores of the same normal clips by models fitted without them.

    Raises:
        GensupError: no member, or members that do not hear the same.
    """
    pairs = zip(members, held_out, strict=True)
    raw = _combination(combine, [member.normalised(scores) for member, scores in pairs]) if members else np.zeros(1)
    return Fusion(combine, tuple(members), HeldOut.of(raw)), raw


def restored(folder: Path, content: Mapping[str, Json], means: Means = NOTHING) -> Fusion:
    """The fusion that a folder's description ``content`` speaks of.

    Raises:
        GensupError: damaged, or members that are not its own.
    """
    path = folder / DESCRIPTION
    said: _Description = checked(_Description, content, path)
    fusion = _built(folder, said, {}, means)
    for what in ("machine", "group_by", "groups", "rate", "channel"):
        if getattr(fusion, what) != getattr(said, what):
            raise damaged(f"{path}: {what}", str(getattr(said, what)), f"its members say {getattr(fusion, what)}")
    return fusion


def _built(folder: Path, said: _Structure, known: dict[str, ChainDetector], means: Means) -> Fusion:
    members: list[Member] = []
    for member in said.members:
        if isinstance(member, _Structure):
            members.append(_built(folder, member, known, means))
            continue
        if member.chain not in known:
            place = folder / _place(member.chain)
            verified(place / DESCRIPTION, member.chain, "members")
            known[member.chain] = chain.restored(place, described(place), means)
        members.append(known[member.chain])
    return Fusion(said.combine, tuple(members), said.held_out)


def _combination(combine: Combine, standardised: Sequence[Scores]) -> Scores:
    stacked = np.stack(standardised)
    return np.asarray(stacked.mean(axis=0) if combine == "mean" else stacked.max(axis=0))


def _place(digest: str) -> str:
    return f"{MEMBERS}/{digest[:16]}"


@dataclass(frozen=True, slots=True)
class _Chain:
    chain: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # SHA-256 of its detector.json, which has its weights'


@dataclass(frozen=True, slots=True)
class _Structure:
    combine: Combine
    held_out: HeldOut
    members: Annotated[tuple[_Chain | _Structure, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Description(_Structure):
    """detector.json, as far as a fusion is made from it."""

    kind: Literal["fusion"]
    machine: str
    group_by: GroupBy
    groups: tuple[str, ...]
    rate: Rate
    channel: SavedChannel
