"""What synthesis passes around: an order, the two clips it becomes, where they came from, and who makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias

from gensup.clip import Clip, Condition, Json, Status

if TYPE_CHECKING:
    import numpy as np

    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile

Params: TypeAlias = Mapping[str, Json]
AS_SOURCE = "as the source recording"  # a licence


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One twin to make: a line of the plan, written before any sound is made."""

    id: str
    twin: str  # id of the normal twin, shared by all orders that differ from it in the condition alone
    source: Clip | None  # of what is made from noise alone: what is said of it, and no path
    source_key: str | None  # sha256 of the source's decoded audio; None: made from noise alone
    family: str  # a row of prompts/faults.yaml
    mechanism: str  # a file of synthesis/faults/, or the generator's name
    status: Status
    severity: float
    captions: tuple[str, str]  # normal, anomaly
    parameters: Params  # from prompts/faults.yaml
    seed: int
    seconds: float
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class TwinAudio:
    """Both clips of a twin, made together: that is what keeps them twins."""

    normal: Audio
    anomaly: Audio
    parameters: Params  # as drawn, so that the row re-creates the sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything needed to make a synthetic clip again, and to say what it is."""

    generator: str
    revision: str  # of the model, or of the fault's code (its integer version)
    licence: str
    sources: tuple[str, ...]  # sha256 of the decoded audio of the real clips it was made from; () = from noise alone
    caption: str
    condition: Condition
    family: str | None  # None for a normal twin, as the next two
    mechanism: str | None
    status: Status | None
    severity: float  # 0 for the normal twin
    parameters: Params
    seed: int
    twin: str  # shared by a normal twin, its copies and every anomaly made from it
    nuisance: str | None  # what was done to a copy of the normal twin that is normal still; None for all other clips
    chain: str  # what both twins went through; "none": the normal twin is the recording itself


def with_source(licence: str) -> str:
    """The licence of what a model of this ``licence`` made of a recording: both hold."""
    return f"{licence} (the model's), and {AS_SOURCE}"


class Generator(Protocol):
    """Makes both clips of a twin at once."""

    @property
    def name(self) -> str:
        """What a row's ``generator`` says."""
        ...

    @property
    def chain(self) -> str:
        """What both twins go through; "none": the normal twin is the recording itself."""
        ...

    @property
    def revision(self) -> str:
        """Of the model, or of the faults' code: another revision makes other clips."""
        ...

    @property
    def licence(self) -> str:
        """Of the clips it makes."""
        ...

    @property
    def redraws(self) -> bool:
        """Whether another seed makes another normal twin: then a twin whose clips fail their checks is made again."""
        ...

    def check(self, orders: Sequence[Order]) -> None:
        """Look at the orders before anything is written or loaded.

        Raises:
            GensupError: one that cannot be carried out, such as a caption that is too long.
        """
        ...

    @property
    def preparation(self) -> str | None:
        """What ``prepared`` makes, in a word for who waits for it; None: nothing, and it need not be called."""
        ...

    def prepared(self, orders: Sequence[Order], folder: Path) -> Self:
        """Itself with what all batches share, made once before the first and kept in ``folder`` where it is large."""
        ...

    def batches(self, orders: Sequence[Order]) -> Sequence[Sequence[Order]]:
        """The batch plan, a function of the orders alone (never of free memory): it is part of what fixes the bytes.

        All orders of a twin are in one batch.
        """
        ...

    def make(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> Sequence[TwinAudio]:
        """One twin an order, in order."""
        ...


class Fault(Protocol):
    """A mechanism: a frozen dataclass of physical quantities. ``draw`` alone is random; ``apply`` is not."""

    name: ClassVar[str]
    version: ClassVar[int]  # raise it when the sound changes
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    severity: float  # dataclasses.replace(fault, severity=s) climbs the ladder; at 0 the input comes back bit for bit
    seed: int  # of the fault's own noise

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        """Why this fault says nothing about this machine (no events, a band beyond the sampling rate), or None."""
        ...

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        """Fix what is random about one fault: its rate, place, band. Parameters are a row's, checked here."""
        ...

    def apply(self, audio: Audio, rate: int) -> Audio:
        """The faulty clip: same shape and type; never writes to its input."""
        ...
