"""What may be asked of a text-to-audio generator."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from gensup.errors import GensupError
from gensup.synthesis.diffusion.settings import Diffusion


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": ""}, "no model"),
        ({"twins": "sead"}, "did you mean seed"),
        ({"dtype": "float64"}, "dtype"),
        ({"strength": 1.1}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"steps": 0}, "steps"),
        ({"guidance": -1.0}, "guidance"),
        ({"rows": 0}, "--rows"),
        ({"device": "gpu"}, "--device"),
        ({"window": (2.0, 1.0)}, "no window"),
        ({"window": (0.0, float("inf"))}, "no window"),
        ({"window": (0.0, 1.0), "twins": "seed"}, "without a recording"),
    ],
)
def test_values_that_make_no_sense(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(GensupError, match=said):
        Diffusion(**({"model": "m"} | changes)).checked()


def test_equal_clips_have_equal_settings() -> None:
    one = Diffusion(model="m", twins="seed", strength=0.3, guidance=3, device="cpu").checked()
    other = Diffusion(model="m", twins="seed", guidance=3.0, offline=True).checked()
    assert one.described() == other.described()  # strength says nothing about twins made from noise
    assert one.described() != Diffusion(model="m", twins="seed").checked().described()
    assert one.checked() == one


def test_it_travels_and_is_json() -> None:
    settings = Diffusion(model="m", window=(1, 2), device="cuda:1").checked()
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert json.loads(json.dumps(settings.described()))["window"] == [1.0, 2.0]
