"""What every detector offers, and a detector from its folder, whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from gensup.audio.files import Channel
from gensup.detection import chain, fusion
from gensup.detection.chain import ChainDetector
from gensup.detection.examples import Examples
from gensup.detection.fusion import Fusion
from gensup.detection.held_out import HeldOut
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Scores
from gensup.detection.saved import DESCRIPTION, described
from gensup.engine import Engine
from gensup.registry import unknown


class Detector(Protocol):
    """What is saved, loaded and pointed at a machine: a chain, or a fusion of detectors."""

    @property
    def machine(self) -> str: ...

    @property
    def description(self) -> str:
        """What it is made of, in a line."""
        ...

    @property
    def group_by(self) -> tuple[str, ...]: ...

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of clips that it has models of, sorted."""
        ...

    @property
    def rate(self) -> int:
        """Hz."""
        ...

    @property
    def channel(self) -> Channel: ...

    @property
    def held_out(self) -> HeldOut: ...

    @property
    def threshold(self) -> float:
        """Raw scores above it are called anomalous."""
        ...

    @property
    def transductive(self) -> bool:
        """Whether a clip's score depends on the clips that it is scored with."""
        ...

    def group_of(self, group: str, where: str) -> str:
        """The group whose models score a clip of ``group``: its own, or the only one when the clip does not say.

        Raises:
            GensupError: no model of that group.
        """
        ...

    def score(self, clips: Examples, engine: Engine, means: Means = NOTHING) -> Scores:
        """(clips,) raw scores, higher = more anomalous; ``clips.group`` names groups of this detector."""
        ...

    def normalised(self, scores: Scores) -> Scores:
        """Raw scores in standard deviations from the mean of held-out normal clips."""
        ...

    def save(self, folder: Path) -> None:
        """Write the folder that ``load`` reads, the description last."""
        ...


def load(folder: Path, means: Means = NOTHING) -> ChainDetector | Fusion:
    """A detector from its folder.

    Args:
        means: where a frontend finds the pretrained weights that it was fitted with.

    Raises:
        GensupError: missing, damaged, not a detector, of an unknown kind, or written by a newer gensup.
    """
    content = described(folder)
    kind = content.get("kind")
    if kind == "chain":
        return chain.restored(folder, content, means)
    if kind == "fusion":
        return fusion.restored(folder, content, means)
    raise unknown("kind of detector", str(kind), ("chain", "fusion"), where=str(folder / DESCRIPTION))
