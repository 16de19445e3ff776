"""A clip that a generator is fine-tuned on: what it says, where its sound is, and why it may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gensup.audio.files import AudioRef
from gensup.captions.damages import DAMAGE
from gensup.clip import Clip, Condition
from gensup.errors import GensupError

Role: TypeAlias = Literal["reference", "target"]

Group: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""Section and attributes as written: one way in which a machine was run."""


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A recording that passed the gate, in the role that ``metadata.first_shot`` gave it.

    Raises:
        GensupError: it names no machine; it is of the target and no normal training clip; it is of a reference machine
            and does not say whether that was normal, or is no sound of the machine at work (supplemental).
    """

    clip: Clip
    ref: AudioRef
    key: str  # sha256 of the decoded audio
    seconds: float
    role: Role

    def __post_init__(self) -> None:
        clip = self.clip
        said = f"{clip.condition or 'no condition'}, {clip.split or 'no split'}"
        if clip.machine is None:
            raise GensupError("names no machine", where=clip.path, rule="a caption says the machine")
        if self.role == "target" and (clip.condition == "anomaly" or clip.split not in ("train", None)):
            raise GensupError(
                "not a normal training clip of the target",
                where=clip.path,
                value=said,
                rule="of a target nothing else is trained on",
            )
        if self.role == "reference" and (clip.condition is None or clip.split == "supplemental"):
            raise GensupError(
                "not a normal or anomalous clip of a reference machine",
                where=clip.path,
                value=said,
                rule="a caption says the condition, and it is never guessed",
            )

    @property
    def machine(self) -> str:
        return self.clip.machine or ""

    @property
    def condition(self) -> Condition:
        """As named; a target's clip that says none was taken as normal by ``first_shot``."""
        return self.clip.condition or "normal"

    @property
    def group(self) -> Group:
        return self.clip.section or "", self.clip.attributes

    @property
    def operation(self) -> Group:
        """The group without the damage that was done, which stands in names of anomalous clips alone."""
        section, attributes = self.group
        return section, tuple(pair for pair in attributes if pair[0] != DAMAGE)
