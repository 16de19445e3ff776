"""Options that say what clips are made, by what and where: the same for every command that makes twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from gensup.cli import options
from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.steps.synthesize import Settings, Where
    from gensup.synthesis.diffusion.settings import Diffusion

TEXT = "Text to audio (--generator audioldm, audioldm2)"
PLACE = "Where twins are made"


class Twins(StrEnum):
    """What both clips of a text-made twin begin with."""

    seed = "seed"
    transfer = "transfer"


class Dtype(StrEnum):
    """Numbers that a model computes with."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class EngineName(StrEnum):
    """Where work goes."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, slots=True)
class Generation:
    """What the options came to."""

    settings: Settings
    where: Where


def _text(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, show_default=False, rich_help_panel=TEXT)


def generation(
    generator: Annotated[str, typer.Option(help="What makes the clips: faults, audioldm or audioldm2.")] = "faults",
    pairs: Annotated[int, typer.Option(help="Source clips, or noises, that twins are made of, at most.")] = 50,
    severities: Annotated[
        str | None,
        typer.Option(
            help="Ladder, separated by commas; 0 is the normal twin. Of faults 0.125,0.25,0.5,1,2,4: 1 is a nominal "
            "fault. Of text to audio 0.5,1,2,4: the guidance from the normal caption to the anomaly's.",
            show_default=False,
        ),
    ] = None,
    faults: options.Faults = "",
    seed: options.Seed = 0,
    style: options.Style = "descriptive",
    model: Annotated[str | None, _text("A checkpoint's folder, what gensup finetune made, or a hub id.")] = None,
    revision: Annotated[str | None, _text("Of a hub id: a commit, tag or branch.")] = None,
    twins: Annotated[
        Twins | None, _text("transfer (default): from a recording's latent; seed: from noise alone.")
    ] = None,
    strength: Annotated[
        float | None, _text("How far transfer leaves the recording: near 0 hardly, 1 all the way; .5 unless said.")
    ] = None,
    steps: Annotated[int | None, _text("Of the scheduler; 20 unless said.")] = None,
    scheduler: Annotated[str | None, _text("dpm++ unless said; ddim, unipc, euler, ...")] = None,
    preset: Annotated[str | None, _text("paper, balanced or fast: a scheduler with its steps.")] = None,
    guidance: Annotated[float | None, _text("Towards the normal caption; the family's own unless said.")] = None,
    window: Annotated[str | None, _text("START,END in seconds: transfer changes nothing outside.")] = None,
    negative: Annotated[
        bool, _text("The plain variant: the normal caption as the anomaly's negative prompt.", "--negative")
    ] = False,
    batch: Annotated[int | None, _text("Clips a call of the model; 8 unless said. It is part of the bytes.")] = None,
    dtype: Annotated[Dtype | None, _text("float32 unless said; bfloat16 and float16 are for GPUs.")] = None,
    device: Annotated[str | None, _text("cpu, cuda, cuda:1; cuda where there is one, unless said.")] = None,
    compiled: Annotated[bool, _text("Compile the model: minutes once, then faster.", "--compile")] = False,
    truncate: Annotated[bool, _text("Cut captions over a token limit instead of refusing them.", "--truncate")] = False,
    offline: Annotated[bool, _text("Ask no hub: the model is a folder, or in its cache.", "--offline")] = False,
    engine: Annotated[
        EngineName, typer.Option(help="local, or a Ray cluster; a model has one local worker.", rich_help_panel=PLACE)
    ] = EngineName.local,
    gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            help="Of ray; unless said 1 for a model, 0 for faults.", show_default=False, rich_help_panel=PLACE
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster.", show_default=False, rich_help_panel=PLACE)
    ] = None,
) -> Generation:
    """The settings of a twin set and where it is made.

    Raises:
        GensupError: options that do not go together.
    """
    from gensup.steps.synthesize import Settings, Where
    from gensup.synthesis.physical import PhysicalFaults

    said: dict[str, Any] = {
        "model": model, "revision": revision, "twins": twins and str(twins), "strength": strength, "steps": steps,
        "scheduler": scheduler, "preset": preset, "guidance": guidance, "window": window, "negative": negative or None,
        "batch": batch, "dtype": dtype and str(dtype), "device": device, "compile": compiled or None,
        "truncate": truncate or None, "offline": offline or None,
    }  # fmt: skip
    given = {name: value for name, value in said.items() if value is not None}
    settings = Settings(
        generator=generator,
        pairs=pairs,
        severities=None if severities is None else options.numbers(severities, "--severities"),
        faults=options.words(faults),
        seed=seed,
        style=style,
        diffusion=_diffusion(given) if generator != PhysicalFaults.name and "model" in given else None,
    )
    if generator == PhysicalFaults.name and given:
        first = next(iter(given))
        raise GensupError(
            "an option of text to audio",
            where=f"--{first}",
            value=given[first],
            rule=f"the generator {generator} changes recordings by physics: no model, no caption",
            remedy="leave it out, or name --generator audioldm or audioldm2",
        )
    return Generation(settings, Where(engine=engine.value, gpus_per_worker=gpus_per_worker, address=address).checked())


def _diffusion(given: dict[str, Any]) -> Diffusion:
    from gensup.synthesis.diffusion.schedules import preset
    from gensup.synthesis.diffusion.settings import Diffusion

    if given.get("twins") == Twins.seed and "strength" in given:
        raise GensupError(
            "a strength without a recording",
            where="--strength",
            value=given["strength"],
            rule="it says how far transfer leaves its recording",
            remedy="leave it out, or --twins transfer",
        )
    if "preset" in given:
        beside = [name for name in ("steps", "scheduler") if name in given]
        if beside:
            raise GensupError(
                "a preset and its parts", where=f"--{beside[0]}", value=given[beside[0]],
                rule="--preset is a scheduler with its steps", remedy="leave one of them out",
            )  # fmt: skip
        schedule = preset(given.pop("preset")).schedule
        given |= {"scheduler": schedule.name, "steps": schedule.steps}
    if "window" in given:
        ends = options.numbers(given["window"], "--window")
        if len(ends) != 2:
            raise GensupError("no window", where="--window", value=given["window"], rule="START,END in seconds")
        given["window"] = ends
    if "batch" in given:
        given["rows"] = given.pop("batch")
    return Diffusion(**given)


def makes_clips(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``generation`` in the place of its parameter ``made``, which gets what they say."""
    own, more = (signature(function).parameters for function in (command, generation))
    hints = get_type_hints(generation, include_extras=True) | get_type_hints(command, include_extras=True)
    shared = own.keys() & more.keys()  # --device of tune: of the model that makes clips, and of detectors' networks

    @wraps(command)
    def with_options(**given: Any) -> None:
        said = {name: given[name] if name in shared else given.pop(name) for name in more}
        if said["generator"] == more["generator"].default:
            said |= dict.fromkeys(shared)  # they are the command's alone
        command(made=generation(**said), **given)

    parameters: list[Parameter] = []
    for parameter in own.values():
        parameters += (m for m in more.values() if m.name not in shared) if parameter.name == "made" else [parameter]
    # typer copies no parameter twice; without a default a parameter stands before those that have one.
    parameters.sort(key=lambda parameter: parameter.default is not Parameter.empty)
    known = [p.replace(annotation=hints[p.name], kind=Parameter.KEYWORD_ONLY) for p in parameters]
    with_options.__signature__ = Signature(known)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in known} | {"return": None}
    del with_options.__wrapped__  # whose options these are not
    return with_options
