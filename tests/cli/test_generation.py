"""What options of clip making come to, and which do not go together."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from gensup.cli import synthesize, tune
from gensup.cli.generation import Generation, generation
from gensup.errors import GensupError
from gensup.steps.engines import Where
from gensup.steps.synthesize import Settings
from gensup.synthesis.diffusion.settings import Diffusion

TEXT: dict[str, Any] = {"generator": "audioldm2", "model": "m"}


def test_without_an_option_they_are_the_defaults() -> None:
    assert generation() == Generation(Settings(), Where())
    assert generation(**TEXT).settings == Settings(generator="audioldm2", diffusion=Diffusion(model="m"))


def test_every_option_of_text_to_audio_is_heard() -> None:
    said = generation(
        **TEXT, revision="r", steps=7, scheduler="unipc", guidance=2.0, window="1,2.5", negative=True,
        batch=3, dtype="bfloat16", device="cuda:1", compiled=True, truncate=True, offline=True, strength=0.25,
    )  # fmt: skip
    assert said.settings.diffusion == Diffusion(
        model="m", revision="r", steps=7, scheduler="unipc", guidance=2.0, window=(1.0, 2.5), negative=True,
        rows=3, dtype="bfloat16", device="cuda:1", compile=True, truncate=True, offline=True, strength=0.25,
    )  # fmt: skip
    paper = generation(**TEXT, preset="paper", twins="seed").settings.diffusion
    assert paper == Diffusion(model="m", scheduler="ddim", steps=200, twins="seed")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"steps": 3}, "--steps"),
        ({"model": "m"}, "--model"),
        ({"offline": True}, "--offline"),
        (TEXT | {"preset": "paper", "steps": 3}, "--steps: a preset"),
        (TEXT | {"preset": "papper"}, "did you mean paper"),
        (TEXT | {"twins": "seed", "strength": 0.5}, "--strength"),
        (TEXT | {"window": "1"}, "--window"),
        (TEXT | {"window": "1,x"}, "--window"),
        ({"address": "here"}, "--address"),
        ({"generator": "audioldm"}, "--model"),
        ({"generator": "audioldn", "model": "m"}, "did you mean audioldm"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], word: str) -> None:
    with pytest.raises(GensupError, match=word):
        generation(**given).settings.checked()


def test_both_commands_take_all_of_them() -> None:
    names = list(inspect.signature(generation).parameters)
    for command in (synthesize.command, tune.command):
        parameters = inspect.signature(command).parameters
        assert set(names) < set(parameters)
        assert "made" not in parameters
