"""The table of speeds: models of the published sizes, both ways on a tiny one, and the page made of numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.architectures import SIZES, parts, save
from benchmarks.text_to_audio import Asked, measured, page

WEIGHTS = {"audioldm-s": 185_036_552, "audioldm-m": 415_954_568, "audioldm-l": 739_139_080, "audioldm2": 346_943_496}


@pytest.mark.parametrize("name", SIZES)
def test_models_are_as_large_as_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        made = parts(name)
    count = {
        part: sum(weight.numel() for weight in model.parameters())
        for part, model in made.items()
        if hasattr(model, "parameters")
    }
    assert count["unet"] == WEIGHTS[name]
    assert count["vae"] == 55_376_873
    assert count["vocoder"] == 55_264_897


@pytest.mark.parametrize("family", ["audioldm-s", "audioldm2"])
def test_both_ways_take_their_steps(family: str, tmp_path: Path) -> None:
    asked = Asked(
        folder=str(save(tmp_path / family, family, tiny=True)),
        way="diffusers",
        family=family,
        device="cpu",
        dtype="float32",
        steps=3,
        clips=4,
        ladder=(1.0, 4.0),
        seconds=0.6,
    )
    plain = measured(asked)
    assert (plain.clips, plain.calls, plain.columns) == (4, 12, 24)
    ours = measured(replace(asked, way="gensup", clips=6))
    assert ours.clips == 6
    assert ours.remade == 0
    # Two twins of a normal clip and two anomalies: 2 + 3 + 3 rows each, in calls of three on a CPU.
    assert ours.columns == 3 * ours.calls
    assert 2 * 8 * 3 <= ours.columns <= 2 * 9 * 3
    assert all(ours.parts_s[part] > 0 for part in ("unet", "vae", "vocoder"))
    assert ours.peak_bytes > 0


def test_the_page_divides_rightly() -> None:
    shared = {
        "dtype": "float32",
        "compile": False,
        "once_s": 0.0,
        "calls": 4,
        "peak_bytes": 2**30,
        "profile": "",
        "remade": 0,
    }
    plain = shared | {"way": "diffusers", "clips": 2, "wall_s": 8.0, "busy_s": 4.0, "columns": 8}
    ours = shared | {"way": "gensup", "clips": 8, "wall_s": 4.0, "busy_s": 8.0, "columns": 40}
    spent = {"text": 0.0, "unet": 2.0, "vae": 1.0, "vocoder": 1.0}
    run = {
        "family": "audioldm-s", "kind": "cuda", "machine": "One GPU", "torch": "2", "diffusers": "0", "steps": 2,
        "scheduler": "dpm++", "seconds": 10.0, "ladder": [1.0], "rows": 8, "remarks": "",
        "results": [row | {"parts_s": spent} for row in (plain, ours)],
    }  # fmt: skip
    of_the_clock, own = page([run]), page([run | {"kind": "cpu"}])
    row = next(line for line in of_the_clock.splitlines() if line.startswith("| gensup"))
    # Clips a second 2, 0.5 s a clip; UNet 2 s over 8 clips and 2 steps, over 40 rows; 40 / 16 rows; 2 s over 8 clips.
    assert [word.strip() for word in row.strip("|").split("|")[3:]] == [
        "2", "0.5", "0.125", "0.05", "2.50", "0.25", "1.00", "8.00", "8.00",
    ]  # fmt: skip
    assert "No run on a GPU" not in of_the_clock
    row = next(line for line in own.splitlines() if line.startswith("| gensup"))
    assert row.rstrip("| ").endswith("2.00")  # 2 s of its own time a clip beside 1 s
    assert "No run on a GPU" in own
    assert "unet 50.0%, vae 25.0%, vocoder 25.0%, host 0.0%" in of_the_clock
