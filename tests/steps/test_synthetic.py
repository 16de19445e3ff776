"""The clips that ask are read whole or not at all."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.steps.synthesize import synthesize
from gensup.steps.synthetic import _once, paired, read_sets
from tests.steps.conftest import SETTINGS
from tests.steps.test_table import made, of_sources


def test_a_clip_is_asked_once() -> None:
    first, second = of_sources(range(3)), of_sources(range(2, 4))
    shared = [clip for clip in second if clip.condition == "normal"]
    assert len(_once([*first, *shared])) == len(first) + 2
    with pytest.raises(GensupError, match=r"twice.*a2-none"):
        _once([*first, *second])
    other = dataclasses.replace(shared[0], sha256="other bytes")
    with pytest.raises(GensupError, match="twice"):
        _once([*first, other])


def test_paired_are_those_whose_normal_twins_are_all_there() -> None:
    clips = of_sources(range(2))
    assert paired(clips)
    assert not paired([clip for clip in clips if clip.id != "n1-none"])
    assert not paired([made("a", None, twin=None)])
    assert paired([])


def test_sets_are_checked(data: Path, tmp_path: Path) -> None:
    synthesize(data, "fan", tmp_path / "half", settings=SETTINGS, shard=(1, 2), workers=1)
    with pytest.raises(GensupError, match="no finished twin set"):
        read_sets([tmp_path / "half"], "fan")
    with pytest.raises(GensupError, match="no anomalies"):
        read_sets([data / "fan" / "train"], "fan")


def test_a_set_that_lost_rows_by_hand_is_no_smaller_set(data: Path, twins: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(twins, tmp_path / "set"))
    manifest = folder / "metadata.jsonl"
    rows = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(rows[:-3]))
    with pytest.raises(GensupError, match=r"clips.*without a row.*remove it and run the same `gensup synthesize`"):
        read_sets([folder], "fan")
    manifest.unlink()  # the remedy
    synthesize(data, "fan", folder, settings=SETTINGS, workers=1)
    assert read_sets([folder], "fan").fingerprint == read_sets([twins], "fan").fingerprint
