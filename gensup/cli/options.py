"""Options that several commands share, and how their words become values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.audio.files import Channel
    from gensup.clip import Json

Root = Annotated[Path, typer.Argument(help="Folder of recordings; layout and names say what they are.")]
OptionalRoot = Annotated[Path | None, typer.Argument(help="Folder of recordings.", show_default=False)]
Names = Annotated[
    Path | None,
    typer.Option(help="Instead of ROOT: a file of names, machine/dir/filename a line.", show_default=False),
]
PatternText = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        help="Your own naming, below ROOT: '{machine}/{split}/{condition}_{index}_{rpm}.wav'.",
        show_default=False,
    ),
]
Attributes = Annotated[
    Path | None,
    typer.Option(
        "--attributes", help="A table of attributes that does not lie below ROOT; joined by name.", show_default=False
    ),
]
Machine = Annotated[str, typer.Option(help="The machine type, e.g. ToyDrone.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Workers = Annotated[int | None, typer.Option(help="Processes; all cores unless said.", min=1, show_default=False)]
Cache = Annotated[
    Path | None,
    typer.Option(help="Keep slow features in this folder; log-mel is quicker made than read.", show_default=False),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Folder of pretrained checkpoints, see `gensup detectors`.", show_default=False),
]
Device = Annotated[
    str | None, typer.Option(help="Of networks: cpu, cuda, cuda:1; the best that is there.", show_default=False)
]
Frontend = Annotated[
    Path | None,
    typer.Option(help="A frontend that `gensup train` trained, used as it is.", show_default=False),
]
Noise = Annotated[
    Path | None,
    typer.Option(
        "--noise",
        help="A folder of noise, for a frontend that is trained with it (frontend.noise above 0); supplemental/ below "
        "ROOT is heard anyway.",
        show_default=False,
    ),
]
NoiseChannelText = Annotated[
    str | None,
    typer.Option(
        "--noise-channel",
        help="The training clips' microphone that is far from the machine, as noise: far, or a number from 0.",
        show_default=False,
    ),
]
Assignments = Annotated[
    list[str], typer.Option("--set", help="A value of the recipe, like pooling.decay=0.46; may be repeated.")
]
FalseAlarms = Annotated[
    float | None,
    typer.Option(
        "--false-alarms",
        help="Share of normal clips that may be called anomalous, e.g. 0.05; the detector's own, 0.1, unless said.",
        show_default=False,
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave refused clips out and say which, instead of ending.")]
ChannelText = Annotated[str, typer.Option("--channel", help="near, far, mean, or a number from 0.")]
Prompts = Annotated[Path | None, typer.Option(help="Folder that overlays gensup's own prompts/.", show_default=False)]
Detectors = Annotated[
    Path | None,
    typer.Option("--detectors", help="Folder that overlays gensup's own detectors/.", show_default=False),
]
Style = Annotated[str, typer.Option(help="Caption style: paper, descriptive, or a template of the overlay.")]
Seed = Annotated[int, typer.Option(help="Of everything that is drawn.")]
Faults = Annotated[str, typer.Option(help="Families or mechanisms (see gensup faults), separated by commas.")]


def channel(text: str, option: str = "--channel") -> Channel:
    """A channel from its word or number."""
    if text in ("near", "far", "mean"):
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise GensupError("no such channel", where=option, value=text, rule="near, far, mean, or a number from 0")


def noise_channel(text: str | None) -> Channel | None:
    """A channel of noise; None: none."""
    return None if text is None else channel(text, "--noise-channel")


def words(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def values(assignments: Sequence[str]) -> dict[str, Json]:
    """Recipe paths and values from ``path=value`` texts; a value that is no JSON is text.

    Raises:
        GensupError: a text without =.
    """
    found: dict[str, Json] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise GensupError("not an assignment", where="--set", value=assignment, rule="path=value")
        try:
            found[path] = json.loads(text)
        except ValueError:
            found[path] = text
    return found


def numbers(text: str, option: str) -> tuple[float, ...]:
    """The numbers between commas."""
    try:
        return tuple(float(word) for word in words(text))
    except ValueError:
        raise GensupError("not a list of numbers", where=option, value=text, rule="like 0.25,0.5,1") from None
